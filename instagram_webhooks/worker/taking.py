"""Claiming for all slots that ask at once, in one statement, with all that their work needs to know beside it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from instagram_webhooks.conf import conf
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox.arrays import array
from instagram_webhooks.inbox.claim import COLUMNS, TAKING_MANY, Claim, Seen
from instagram_webhooks.inbox.line import Line, RowBusy
from instagram_webhooks.inbox.statements import is_due, is_held, is_of_active_account, of_first_open
from instagram_webhooks.inbox.together import Together
from instagram_webhooks.replies import pause
from instagram_webhooks.worker import crowd
from instagram_webhooks.worker.life import life

LOCK_WAIT_MS = 200  # all slots wait meanwhile, and then the slot whose row it is alone


@dataclass(frozen=True, slots=True)
class _Ask:
    """For the head of the lane of an event, or of a lane."""

    event_id: UUID | None = None
    lane: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an asker got. Without a claim: whether a lease has run out there, and whether the event's account rests."""

    claim: Claim | None = None
    has_expired: bool = False
    rests: bool = False


# Of a row `t` of `taken`, what stands beside it: the columns, and the joins that they need.
BESIDE = f"""
       t.*, p.sealed, {{last_reply_at}}, c.last_human_at,
       EXISTS (SELECT 1 FROM instagram_webhooks_message m WHERE m.conversation_id = t.conversation_id
                  AND m.message_digest = t.message_digest AND m.deleted_at IS NOT NULL),
       {pause.SEEN}
"""
JOINS = """
  LEFT JOIN taken t ON t.event_id = first.event_id
  LEFT JOIN instagram_webhooks_eventpayload p ON p.event_id = t.event_id
  LEFT JOIN instagram_webhooks_conversation c ON c.id = t.conversation_id
  LEFT JOIN instagram_webhooks_account a ON a.provider = t.provider AND a.account_id = t.account
"""
_TAKE = f"""{TAKING_MANY}
SELECT first.n,
       EXISTS (SELECT 1 FROM instagram_webhooks_webhookevent x WHERE x.event_id = first.event_id
                  AND x.state = 'processing' AND {is_due("x")}),
       first.lane IS NOT NULL AND first.account IS NOT NULL AND NOT {is_of_active_account("first")},
       {BESIDE.format(last_reply_at="c.last_reply_at")}
  FROM first {JOINS}
"""
_HEADS = f"""
SELECT asked.lane, {of_first_open("asked.lane", "o.event_id")} FROM unnest(%(lanes)s::uuid[]) AS asked(lane)
 WHERE NOT {is_held("asked.lane")}
"""
# Of all slots and all their steps: by turns on three connections the same statements cost PostgreSQL a sixth more.
line = Line(lock_wait_ms=LOCK_WAIT_MS)


def by_event(event_id: UUID) -> Taken:
    """The claim on the head of this event's lane, or on the event itself where it has none."""
    taken = _asked(_Ask(event_id=event_id))
    if taken.has_expired:
        return Taken(claim=claims.claim(event_id, worker_id=life.worker_id))
    return taken


def by_lane(lane: UUID) -> Taken:
    """The claim on the next event of a lane whose last one this slot has ended, where nobody else is at the lane."""
    return _asked(_Ask(lane=lane))


def waiting(lanes: Collection[UUID]) -> dict[UUID, UUID]:
    """The first open event, due or not, of those lanes that have one and that no worker is at."""
    found = line.run(_HEADS, {"lanes": array("uuid", list(lanes))})
    return {lane: head for lane, head in found if head is not None}


def _waiting(lanes: Sequence[UUID]) -> list[UUID | None]:
    found = waiting(lanes)
    return [found.get(lane) for lane in lanes]


def _asked(ask: _Ask) -> Taken:
    try:
        # A claim in vain costs PostgreSQL four times as much as a look: it opens all that it would write to.
        if ask.lane and _waits(ask.lane) is None:
            return Taken()
        return _together(ask)
    except (IntegrityError, RowBusy):
        return Taken()  # another worker has an event of this lane in processing, or is about to


def _take(asks: Sequence[_Ask]) -> list[Taken]:
    values = {
        "ids": array("uuid", [ask.event_id for ask in asks]),
        "lanes": array("uuid", [ask.lane for ask in asks]),
        "worker": life.worker_id,
        "lease": conf().lease_s,
    }
    try:
        rows = [(*row[:3], understood(row[3:])) for row in line.run(_TAKE, values)]
    except (RowBusy, IntegrityError):
        raise  # nothing was claimed
    except BaseException:
        life.may_hold_more = True  # the claims may have been made
        raise
    found: dict[int, Taken] = {}
    owned: set[UUID] = set()
    for n, has_expired, rests, claim in rows:
        if claim and claim.event_id in owned:
            found[n] = Taken()  # somebody who asked for the same head has it
        elif claim:
            owned.add(claim.event_id)
            found[n] = Taken(claim=claim)
        else:
            found[n] = Taken(has_expired=has_expired, rests=rests)
    return [found[n] for n in range(1, len(asks) + 1)]


def understood(row: Sequence[Any]) -> Claim | None:
    """The claim that the columns of BESIDE say; None where nothing was taken."""
    claim, account = row[: len(COLUMNS)], row[len(COLUMNS) + 3 :]
    if claim[0] is None:
        return None
    last_reply_at, last_human_at, is_deleted = row[len(COLUMNS) : len(COLUMNS) + 3]
    seen = Seen(
        account=None if account[0] is None else account,
        last_reply_at=last_reply_at,
        last_human_at=last_human_at,
        is_deleted=is_deleted,
    )
    return Claim(**dict(zip(COLUMNS, claim, strict=True)), seen=seen)


_together = Together(_take, coming=crowd.claiming)
_waits = Together(_waiting)

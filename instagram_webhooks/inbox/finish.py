"""
Ending a claim: each end is one conditional UPDATE that carries the fence, and one audit entry.

Call these inside the transaction of what they end. A worker that lost its claim gets FencedOut,
so its whole transaction is rolled back.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection

from audit.log import Entry, record_many
from instagram_webhooks.conf import conf
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.inbox.statements import condition, effect, is_leased
from instagram_webhooks.states import DIE, HAND_BACK, IGNORE, PROCESS, RENEW, RETRY, SUSPEND, EventState, Move


class FencedOut(Exception):
    """Another worker owns the event by now; nothing of this transaction may stay."""


# Any outcome that is recorded sets `starts` back to 0.
_MOVE = """
UPDATE instagram_webhooks_webhookevent e SET {effect}{attempts}
 WHERE e.event_id = %(event_id)s AND {condition}
RETURNING e.claimable_at
"""


# For many at once, as common table expressions over `input`: those rows of it that still belong to their claims. What
# follows reads these rows alone, since a lost claim on the same event may stand in `input` too. HELD locks what RENEW
# would write anew, where enough of the lease is left: a changed row costs an entry in every index.
_LOCKED = """
  SELECT i.*, own.place AS place_of_row FROM input i, LATERAL (
    SELECT e.ctid AS place FROM instagram_webhooks_webhookevent e
     WHERE e.event_id = i.event_id AND {condition} FOR NO KEY UPDATE) own
"""
_ENOUGH_LEFT = is_leased("e", for_s="%(left_s)s")
HELD = f"""held AS ({_LOCKED.format(condition=f"{condition(RENEW, fence='i.fence')} AND {_ENOUGH_LEFT}")})"""
DONE = f"""done AS (
  UPDATE instagram_webhooks_webhookevent e SET {effect(PROCESS)}, attempts = e.attempts + 1
    FROM ({_LOCKED.format(condition=condition(PROCESS, fence="i.fence"))}) i
   WHERE e.ctid = i.place_of_row
  RETURNING i.*
)"""


@cache
def _statement(move: Move) -> str:
    attempts = "" if move.after == EventState.PROCESSING else ", attempts = e.attempts + %(counts)s"
    return _MOVE.format(effect=effect(move), attempts=attempts, condition=condition(move))


def renew(claim: Claim) -> None:
    """Locks the event for the rest of the transaction and begins its lease anew.

    Raises FencedOut where the claim is lost, or where its lease has run out or was cut short by a
    rescue: another worker may be about to take the event, so no call to Meta may begin. With a whole
    lease ahead no call outlives its claim, however long policy and look-ups took before it.
    Every transaction locks in the order event, conversation, then reply and message.
    """
    _move(claim, RENEW)


def processed(claim: Claim, *, counts: bool = True, **detail: object) -> None:
    """The event is done; `counts` False where a look-up found the work of an earlier attempt."""
    _move(claim, PROCESS, counts=int(counts))
    _record(claim, "event.processed", detail)


def ignored(claim: Claim, reason: str) -> None:
    """The event asks for no work."""
    _move(claim, IGNORE, reason=reason, counts=1)
    _record(claim, "event.ignored", {"reason": reason})


def retrying(claim: Claim, *, wait_s: float, counts: bool, detail: Mapping[str, object]) -> datetime:
    """The event is tried again; when. `counts`: whether this attempt is used up."""
    due_at = _move(claim, RETRY, wait_s=wait_s, counts=int(counts))
    assert due_at is not None
    _record(claim, "event.retrying", {"wait_s": round(wait_s, 3), "counts": counts, **detail})
    return due_at


def parked(claim: Claim, reason: str, detail: Mapping[str, object]) -> None:
    """The event waits for its account to be put right; no attempt is used up."""
    _move(claim, SUSPEND, reason=reason)
    _record(claim, "event.parked", {"reason": reason, **detail})


def dead(claim: Claim, detail: Mapping[str, object], *, counts: bool = True) -> None:
    """The event failed for good; the caller buries it in the same transaction."""
    _move(claim, DIE, counts=int(counts))
    _record(claim, "event.failed", detail)


def handed_back(claim: Claim) -> None:
    """The event is given up unharmed, as if it had not been claimed; another worker takes it at once."""
    _move(claim, HAND_BACK)
    _record(claim, "event.handed_back", {})


def _move(claim: Claim, move: Move, *, reason: str = "", wait_s: float = 0, counts: int = 0) -> datetime | None:
    """When the event is claimable after the move, or None for never; raises FencedOut."""
    values: dict[str, Any] = {
        "event_id": claim.event_id,
        "fence": claim.fence,
        "reason": reason,
        "wait_s": wait_s,
        "counts": counts,
        "lease": conf().lease_s,
    }
    with connection.cursor() as cursor:
        cursor.execute(_statement(move), values)
        row = cursor.fetchone()
    if row is None:
        raise FencedOut
    due_at: datetime | None = row[0]
    return due_at


def entry(claim: Claim, action: str, detail: Mapping[str, object]) -> Entry:
    """What the audit log says of an end."""
    return Entry(
        action=action,
        subject_id=claim.event_id,
        provider=claim.provider,
        correlation_id=claim.correlation_id,
        attempt=claim.attempt,
        detail={"fence": claim.fence} | {name: value for name, value in detail.items() if value is not None},
    )


def _record(claim: Claim, action: str, detail: Mapping[str, object]) -> None:
    record_many([entry(claim, action, detail)])

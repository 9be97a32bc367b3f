"""Moves of events that no worker holds: parking, release, replay, and the claims of lost workers."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from audit.log import Entry, record_many
from instagram_webhooks.inbox.statements import condition, effect
from instagram_webhooks.states import GIVE_BACK, PARK, RELEASE, REPLAY, SET_ASIDE

RELEASE_AT_ONCE = 500

# Each statement gives of the moved what their audit entries say, and what burying one of them needs.
_MOVED = "e.event_id, e.lane, e.order_at, e.provider, e.kind, e.account, e.correlation_id, e.attempts"
_BY_ID = f"""
UPDATE instagram_webhooks_webhookevent e SET {{effect}}
 WHERE e.event_id = %(event_id)s AND {{condition}}
RETURNING {_MOVED}
"""
_PARK = _BY_ID.format(effect=effect(PARK), condition=condition(PARK))
_SET_ASIDE = _BY_ID.format(effect=effect(SET_ASIDE), condition=condition(SET_ASIDE))
_RELEASE = f"""
UPDATE instagram_webhooks_webhookevent e SET {effect(RELEASE)}
  FROM (SELECT event_id FROM instagram_webhooks_webhookevent
         WHERE state = 'parked' AND account = %(account)s AND provider = %(provider)s
         ORDER BY order_at, received_at, place, event_id LIMIT %(limit)s FOR UPDATE) head
 WHERE e.event_id = head.event_id AND {condition(RELEASE)}
RETURNING {_MOVED}
"""
# From the accounts, one look at the index for each: thousands may be parked for one that stays refused.
_FORGOTTEN = """
SELECT a.provider, a.account_id FROM instagram_webhooks_account a
 CROSS JOIN LATERAL (SELECT 1 FROM instagram_webhooks_webhookevent e
                      WHERE e.state = 'parked' AND e.account = a.account_id AND e.provider = a.provider LIMIT 1) held
 WHERE a.state = 'active'
"""
# The order at replay: all of one call at its time, in the order of the ids (a microsecond apart).
_REPLAY = f"""
UPDATE instagram_webhooks_webhookevent e SET {effect(REPLAY)}, attempts = 0,
       order_at = statement_timestamp() + chosen.n * interval '1 microsecond'
  FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS chosen (event_id, n)
 WHERE e.event_id = chosen.event_id AND e.state = %(state)s AND {condition(REPLAY)}
RETURNING {_MOVED}
"""
_OF_WORKER = "instagram_webhooks_webhookevent WHERE worker_id = %s AND state = 'processing'"
_HELD_BY = f"SELECT event_id FROM {_OF_WORKER} ORDER BY event_id FOR UPDATE"
_HOW_MANY = f"SELECT count(*) FROM {_OF_WORKER}"
_GIVE_BACK = f"""
UPDATE instagram_webhooks_webhookevent e SET {effect(GIVE_BACK)}
 WHERE e.event_id = ANY(%(ids)s::uuid[]) AND e.worker_id = %(worker)s AND {condition(GIVE_BACK)}
RETURNING {_MOVED}
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """An event that was moved, in the words of its row."""

    event_id: UUID
    lane: UUID | None
    order_at: datetime
    provider: str
    kind: str
    account: str
    correlation_id: str
    attempts: int


def park(event_id: UUID, reason: str) -> bool:
    """Parks an event that nobody holds and that is due; whether this caller did it."""
    return bool(_audited(_PARK, {"event_id": event_id, "reason": reason}, "event.parked", reason=reason))


def release(provider: str, account: str) -> int:
    """Returns an account's parked events to work in their order, 500 a transaction; how many."""
    total = 0
    while True:
        values = {"provider": provider, "account": account, "limit": RELEASE_AT_ONCE}
        released = _audited(_RELEASE, values, "event.released")
        total += len(released)
        if len(released) < RELEASE_AT_ONCE:
            return total


def release_forgotten() -> int:
    """Releases what is parked for an account that is active by now: parked by a worker that had not seen it yet."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGOTTEN)
        accounts = cursor.fetchall()
    return sum(release(provider, account) for provider, account in accounts)


def replay(ids: Sequence[UUID], *, state: str, actor: str, reason: str) -> set[UUID]:
    """Sends ended events (`state`: dead or ignored) back to work, in the caller's transaction; those that went.

    ids: in the order in which they stand in their lanes from now on.
    """
    values = {"ids": list(ids), "state": state}
    return {each.event_id for each in _audited(_REPLAY, values, "event.replayed", actor=actor, why=reason)}


def set_aside(event_id: UUID, *, actor: str, reason: str) -> Moved | None:
    """Ends an open event that no worker has, so that its lane goes on; None where it is not such a one.

    In the caller's transaction, which buries it.
    """
    moved = _audited(_SET_ASIDE, {"event_id": event_id}, "event.set_aside", actor=actor, why=reason)
    return moved[0] if moved else None


def give_back(worker_id: UUID) -> list[Moved]:
    """Takes its claims away from a worker that ends or that died; the events, free again.

    Not those with a reply under way: they wait for the end of their lease, and are looked up then. Not
    those past their lease either: they keep their starts.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # First the locks: a slot that is just committing `sending` is waited for, and then seen. What is claimed after
        # them may be committing it still, so it is not touched.
        cursor.execute(_HELD_BY, [worker_id])
        # And once more: whoever was waited for may have claimed the next of its lane, which the first look cannot see.
        cursor.execute(_HELD_BY, [worker_id])
        return _given_back(worker_id, [event_id for (event_id,) in cursor.fetchall()])


def give_back_unknown(worker_id: UUID, *, at_work: Callable[[], Collection[UUID]]) -> tuple[list[Moved], bool]:
    """As give_back, of a worker that goes on: what none of its slots is at. at_work: asked once the rows are locked.

    Waits for nobody: a row that somebody holds would stop all of its slots. Also whether nothing of it was locked;
    else whoever locks it may have claimed more, which shows at its commit: look again then.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{_HELD_BY} SKIP LOCKED", [worker_id])
        locked = {event_id for (event_id,) in cursor.fetchall()}
        cursor.execute(_HOW_MANY, [worker_id])
        (held,) = cursor.fetchone()
        return _given_back(worker_id, list(locked.difference(at_work()))), held == len(locked)


def _given_back(worker_id: UUID, ids: list[UUID]) -> list[Moved]:
    return _audited(_GIVE_BACK, {"worker": worker_id, "ids": ids}, "event.handed_back")


def _audited(
    statement: str,
    values: Mapping[str, Any],
    action: str,
    *,
    actor: str = "system",
    why: str = "",
    **detail: object,
) -> list[Moved]:
    """Executes one move of several events and records each in the same transaction; the events that moved."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"reason": ""} | dict(values))
        moved = [Moved(*row) for row in cursor.fetchall()]
        record_many(
            [
                Entry(
                    action=action,
                    subject_id=each.event_id,
                    provider=each.provider,
                    correlation_id=each.correlation_id,
                    actor=actor,
                    reason=why,
                    detail=detail,
                )
                for each in moved
            ]
        )
    return moved

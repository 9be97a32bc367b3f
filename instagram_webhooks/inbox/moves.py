"""Moves of events that no worker holds: parking, release, replay, and the claims of lost workers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from audit.log import Entry, record_many
from instagram_webhooks.states import EventState, allow

RELEASE_AT_ONCE = 500

_S = EventState
# What the statements below do, held against the table of legal moves when this is loaded.
for _before, _after in (
    (_S.RECEIVED, _S.PARKED),
    (_S.RETRYING, _S.PARKED),
    (_S.PARKED, _S.RECEIVED),
    (_S.DEAD, _S.RECEIVED),
    (_S.IGNORED, _S.RECEIVED),
    (_S.PROCESSING, _S.RECEIVED),
):
    allow(_before, _after)

_PARK = """
UPDATE instagram_webhooks_webhookevent e
   SET state = 'parked', reason = %(reason)s, claimable_at = NULL, starts = 0
 WHERE e.event_id = %(event_id)s AND e.state IN ('received', 'retrying') AND e.claimable_at <= clock_timestamp()
RETURNING e.event_id, e.provider, e.correlation_id
"""
_RELEASE = """
UPDATE instagram_webhooks_webhookevent e
   SET state = 'received', reason = '', claimable_at = clock_timestamp(), dispatched_at = NULL
  FROM (SELECT event_id FROM instagram_webhooks_webhookevent
         WHERE state = 'parked' AND account = %(account)s AND provider = %(provider)s
         ORDER BY order_at, received_at, place, event_id LIMIT %(limit)s FOR UPDATE) head
 WHERE e.event_id = head.event_id AND e.state = 'parked'
RETURNING e.event_id, e.provider, e.correlation_id
"""
_FORGOTTEN = """
SELECT DISTINCT e.provider, e.account FROM instagram_webhooks_webhookevent e
  JOIN instagram_webhooks_account a ON a.provider = e.provider AND a.account_id = e.account AND a.state = 'active'
 WHERE e.state = 'parked'
"""
# The order at replay: all of one batch at its time, in their old order (a microsecond apart).
_REPLAY = """
UPDATE instagram_webhooks_webhookevent e
   SET state = 'received', reason = '', attempts = 0, starts = 0, finished_at = NULL,
       claimable_at = clock_timestamp(), dispatched_at = NULL,
       order_at = statement_timestamp() + chosen.n * interval '1 microsecond'
  FROM (SELECT event_id, row_number() OVER (ORDER BY order_at, received_at, place, event_id) AS n
          FROM instagram_webhooks_webhookevent WHERE event_id = ANY(%(ids)s)) chosen
 WHERE e.event_id = chosen.event_id AND e.state = %(state)s
RETURNING e.event_id, e.provider, e.correlation_id
"""
_HELD_BY = """
SELECT event_id FROM instagram_webhooks_webhookevent WHERE worker_id = %s AND state = 'processing'
 ORDER BY event_id FOR UPDATE
"""
# Not those with a reply under way: they wait for their lease and are looked up then.
_GIVE_BACK = """
UPDATE instagram_webhooks_webhookevent e
   SET state = 'received', worker_id = NULL, starts = 0, claimable_at = clock_timestamp(), dispatched_at = NULL
 WHERE e.worker_id = %(worker)s AND e.state = 'processing'
   AND NOT EXISTS (SELECT 1 FROM instagram_webhooks_outgoingreply r
                    WHERE r.event_id = e.event_id AND r.state = 'sending')
RETURNING e.event_id, e.provider, e.correlation_id
"""


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
    """Sends ended events (`state`: dead or ignored) back to work, in the caller's transaction; those that went."""
    values = {"ids": list(ids), "state": state}
    return set(_audited(_REPLAY, values, "event.replayed", actor=actor, why=reason))


def give_back(worker_id: UUID) -> list[UUID]:
    """Takes the claims of a worker that ends, or that died, away from it; the events, free again."""
    with transaction.atomic(), connection.cursor() as cursor:
        # First the locks: a slot that is just committing `sending` is waited for, and then seen.
        cursor.execute(_HELD_BY, [worker_id])
        return _audited(_GIVE_BACK, {"worker": worker_id}, "event.handed_back")


def _audited(
    statement: str,
    values: Mapping[str, Any],
    action: str,
    *,
    actor: str = "system",
    why: str = "",
    **detail: object,
) -> list[UUID]:
    """Executes one move of several events and records each in the same transaction; the events that moved."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
        record_many(
            [
                Entry(
                    action=action,
                    subject_id=event_id,
                    provider=provider,
                    correlation_id=correlation_id,
                    actor=actor,
                    reason=why,
                    detail=detail,
                )
                for event_id, provider, correlation_id in rows
            ]
        )
    return [row[0] for row in rows]

"""
The sweep: finds every event that is due and that nobody was told of lately.

It makes good whatever the broker lost, and it is the only thing that wakes events whose wait is
long. Any number of processes may run it; one at a time does the work.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from instagram_webhooks.conf import conf
from instagram_webhooks.inbox.statements import condition, effect, is_due, is_first
from instagram_webhooks.states import RESCUE

log = logging.getLogger(__name__)

LOCK = 0x1A6E_5EE9  # one number of ours among PostgreSQL's advisory locks
AT_ONCE = 500
STOPPED = "5s"
# What was offered while the queue is empty was taken or lost. While it is long the wake-up may still
# lie in it: offered again at the gate, thousands of them grew a queue faster than workers shortened it.
GATE_OF_EMPTY_QUEUE_S = 3.0
SLOWEST_QUEUE_PER_S = 50

# Driven by what is due, so that hundreds of thousands that wait for a later time cost nothing. Of a
# lane only its head counts; but a claim that ran out goes first, whatever older event arrived since.
# SKIP LOCKED would pass over a head that is just being moved, and offer the event behind it.
DUE = f"""
SELECT e.event_id FROM instagram_webhooks_webhookevent e
 WHERE e.claimable_at <= statement_timestamp()
   AND (e.dispatched_at IS NULL OR e.dispatched_at < statement_timestamp() - make_interval(secs => %(gate)s))
   AND (e.lane IS NULL OR e.state = 'processing' OR {is_first("e")})
 ORDER BY e.claimable_at LIMIT %(limit)s
"""
# The longest due, told of or not.
OVERDUE = f"""
SELECT e.event_id, e.claimable_at FROM instagram_webhooks_webhookevent e
 WHERE e.claimable_at <= statement_timestamp() - make_interval(secs => %(age)s)
   AND (e.lane IS NULL OR e.state = 'processing' OR {is_first("e")})
 ORDER BY e.claimable_at LIMIT 1
"""
# What somebody else has locked is offered later: one row must not hold up all the others.
MARK = f"""
UPDATE instagram_webhooks_webhookevent e
   SET dispatched_at = clock_timestamp()
 WHERE event_id IN (SELECT event_id FROM instagram_webhooks_webhookevent
                     WHERE event_id = ANY(%(ids)s) ORDER BY event_id FOR UPDATE SKIP LOCKED)
   AND {is_due("e")}
   AND (dispatched_at IS NULL OR dispatched_at < clock_timestamp() - make_interval(secs => %(gate)s))
RETURNING event_id
"""
SILENT = """
SELECT id FROM instagram_webhooks_worker
 WHERE (pulse_at < clock_timestamp() - make_interval(secs => %(silent)s) OR stopped_at IS NOT NULL)
   AND EXISTS (SELECT 1 FROM instagram_webhooks_webhookevent e WHERE e.worker_id = instagram_webhooks_worker.id)
"""
# In two statements: what a worker has locked, perhaps just committing `sending`, is passed over by the first, and
# what it had committed before is seen by the second.
HELD = """
SELECT event_id FROM instagram_webhooks_webhookevent
 WHERE state = 'processing' AND worker_id = ANY(%(workers)s) AND claimable_at > clock_timestamp()
 ORDER BY event_id FOR UPDATE SKIP LOCKED
"""
# Due at once, whatever is left of the lease; but not while a reply may be under way.
RESCUED = f"""
UPDATE instagram_webhooks_webhookevent e SET {effect(RESCUE)}
 WHERE e.event_id = ANY(%(ids)s) AND e.worker_id = ANY(%(workers)s) AND {condition(RESCUE)}
RETURNING e.event_id
"""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did. `was_ours` False: another process was at it. `took_s`: in the database, not the broker."""

    was_ours: bool
    offered: int = 0
    rescued: int = 0
    took_s: float = 0.0


def sweep(offer: Callable[[Iterable[UUID]], None], *, depth: Callable[[], int | None]) -> Swept:
    """Frees what lost workers held, then offers all due events, 500 a transaction, while the queue has room.

    offer: takes the ids of due events. depth: messages ready in the queue, None where they do not go
    there: then one batch is enough for whoever works them off.
    """
    begun = time.monotonic()
    with transaction.atomic():
        if not _is_ours():
            return Swept(was_ours=False)
        rescued = _rescue()
    took_s, offered = time.monotonic() - begun, 0
    while (ready := depth()) is None or ready < conf().queue_limit:
        gate_s, begun = _gate_s(ready), time.monotonic()
        with transaction.atomic():
            if not _is_ours():
                break
            ids = _take(gate_s)
        took_s += time.monotonic() - begun
        offer(ids)
        offered += len(ids)
        if ready is None or len(ids) < AT_ONCE:
            break
    if offered or rescued:
        log.info("sweep.offered", extra={"count": offered, "rescued": rescued})
    return Swept(was_ours=True, offered=offered, rescued=rescued, took_s=took_s)


def overdue(age_s: float) -> tuple[UUID, datetime] | None:
    """The event that has been due for longest and since when, where that is longer than so many seconds."""
    with connection.cursor() as cursor:
        cursor.execute(OVERDUE, {"age": age_s})
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def _gate_s(ready: int | None) -> float:
    """How long what was offered is not offered again, with so many messages ready in the queue."""
    if not ready:
        return min(GATE_OF_EMPTY_QUEUE_S, conf().dispatch_gate_s)
    return conf().dispatch_gate_s + ready / SLOWEST_QUEUE_PER_S


def _is_ours() -> bool:
    """Whether this transaction may sweep. It ends by itself where its process is stopped: others are to go on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s), set_config('idle_in_transaction_session_timeout', %s, true)",
            [LOCK, STOPPED],
        )
        return bool(cursor.fetchone()[0])


def _take(gate_s: float) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"gate": gate_s, "limit": AT_ONCE})
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return []
        cursor.execute(MARK, {"ids": sorted(ids), "gate": gate_s})
        return [row[0] for row in cursor.fetchall()]


def _rescue() -> int:
    with connection.cursor() as cursor:
        cursor.execute(SILENT, {"silent": conf().worker_silent_s})
        workers = [row[0] for row in cursor.fetchall()]
        if not workers:
            return 0
        cursor.execute(HELD, {"workers": workers})
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute(RESCUED, {"workers": workers, "ids": ids})
        return len(cursor.fetchall())

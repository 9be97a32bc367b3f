"""
Going on with replays of many: what may go goes, what came of the rest is noted, and what fails too often stops.

Each letter goes in a transaction of its own, together with the note that it went: a process that dies in between did
neither. The lock of the batch's row keeps two processes from sending the same one.
"""

import logging
import time
import uuid

from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from audit.columns import ClockTimestamp
from audit.log import REASON_LIMIT
from dead_letters import review
from dead_letters.batches import move, record
from dead_letters.models import BatchState, DeadLetter, ItemOutcome, ReplayBatch, ReplayItem
from dead_letters.subject import subject_for

log = logging.getLogger(__name__)

AT_ONCE_S = 10  # of the rate, after a pause of the upkeep
IN_FLIGHT_S, IN_FLIGHT_LEAST = 5, 20
RUN_S = 1.5  # for all batches in one round, which has other things to do
LOOKED_AT, LEAST = 50, 10  # the last so many decide whether it stops, and not before so many have ended

# So many may go by now, and not more than IN_FLIGHT_S of the rate are at work at once: whoever writes meanwhile waits
# for few, and what fails again is seen before all have gone. What was not used up during a long pause is lost.
_ALLOWED = """
SELECT least(floor(least(extract(epoch FROM clock_timestamp() - ran_at), %(most_s)s) * rate)::int,
             greatest(%(least)s, rate * %(in_flight_s)s) - (
               SELECT count(*) FROM dead_letters_replayitem i WHERE i.batch_id = b.id AND i.outcome = 'replayed'))
  FROM dead_letters_replaybatch b WHERE id = %(id)s AND state = 'running'
"""
_USED = """
UPDATE dead_letters_replaybatch
   SET ran_at = least(greatest(ran_at, clock_timestamp() - make_interval(secs => %(most_s)s))
                      + make_interval(secs => %(used)s::float8 / rate), clock_timestamp())
 WHERE id = %(id)s
"""
_FAILED = """
UPDATE dead_letters_replayitem i SET outcome = CASE WHEN EXISTS (
         SELECT 1 FROM dead_letters_deadletter d WHERE d.subject_id = i.subject_id AND d.created_at > i.done_at)
       THEN 'failed' ELSE 'processed' END
 WHERE batch_id = %(id)s AND outcome = 'replayed' AND NOT subject_id = ANY(%(at_work)s::uuid[])
"""


def run() -> int:
    """Goes on with each running batch as far as its rate and the time allow; how many letters went. By the upkeep."""
    until, went = time.monotonic() + RUN_S, 0
    # The one that ran longest ago first: the time may not be enough for all.
    for batch in ReplayBatch.objects.filter(ended_at=None).order_by("ran_at", "id"):
        _settle(batch)
        if batch.state == BatchState.RUNNING and not _stopped_for_failures(batch):
            went += _run(batch, until)
    return went


def _run(batch: ReplayBatch, until: float) -> int:
    used, limits = 0, {"most_s": AT_ONCE_S, "least": IN_FLIGHT_LEAST, "in_flight_s": IN_FLIGHT_S}
    with connection.cursor() as cursor:
        cursor.execute(_ALLOWED, {"id": batch.pk, **limits})
        row = cursor.fetchone()
        while row and used < row[0] and time.monotonic() < until and _one(batch.pk):
            used += 1
        if used:
            cursor.execute(_USED, {"id": batch.pk, "used": used, "most_s": AT_ONCE_S})
    _end_if_all_have(batch)
    return used


def _settle(batch: ReplayBatch) -> None:
    """Notes what came of those that are not at work any more."""
    gone = ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.REPLAYED)
    kinds: dict[str, list[uuid.UUID]] = {}
    letters = DeadLetter.objects.filter(pk__in=gone.values("letter_id"))
    for kind, subject_id in letters.values_list("subject_kind", "subject_id"):
        kinds.setdefault(kind, []).append(subject_id)
    at_work = [key for kind, its in kinds.items() for key in subject_for(kind).at_work(its)]
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, {"id": batch.pk, "at_work": at_work})


def _end_if_all_have(batch: ReplayBatch) -> None:
    unended = (ItemOutcome.WAITING, ItemOutcome.REPLAYED)
    with transaction.atomic():
        mine = _locked(batch.pk, skip_locked=True)
        if mine is not None and not ReplayItem.objects.filter(batch=mine, outcome__in=unended).exists():
            move(mine, BatchState.DONE)
            record(mine, "done")


def _one(batch_id: uuid.UUID) -> bool:
    """Replays the next letter; False where another process has the batch, or it does not run any more.

    A letter that cannot be replayed is skipped and must hold up no other; a database that failed is no outcome.
    """
    try:
        return _next(batch_id)
    except (OperationalError, InterfaceError) as exc:
        if not isinstance(exc.__cause__, LockNotAvailable):
            raise
        return _skip_next(batch_id, "somebody held it; replay it by itself")
    except Exception as exc:
        log.exception("replay_batch.item_failed")
        return _skip_next(batch_id, f"it could not be replayed: {type(exc).__name__}")


def _skip_next(batch_id: uuid.UUID, why: str) -> bool:
    with transaction.atomic():
        item = _first_waiting(_locked(batch_id))
        if item is None:
            return False
        _note(item, ItemOutcome.SKIPPED, why)
    return True


def _note(item: ReplayItem, outcome: ItemOutcome, why: str) -> None:
    of_it = ReplayItem.objects.filter(batch_id=item.batch_id, place=item.place)
    of_it.update(outcome=outcome, why=why[:200], done_at=ClockTimestamp())


def _next(batch_id: uuid.UUID) -> bool:
    with transaction.atomic():
        with connection.cursor() as cursor:
            # The sweep waits for this; and a process that froze must not keep the batch.
            cursor.execute("SET LOCAL lock_timeout = '1s'; SET LOCAL idle_in_transaction_session_timeout = '5s'")
        batch = _locked(batch_id, skip_locked=True)
        item = _first_waiting(batch)
        if batch is None or item is None:
            return False
        _note(item, *_replayed(item, batch))
    return True


def _locked(batch_id: uuid.UUID, *, skip_locked: bool = False) -> ReplayBatch | None:
    """The batch, for the rest of the transaction; None where it does not run, or another process has it."""
    known = ReplayBatch.objects.select_for_update(skip_locked=skip_locked)
    return known.filter(pk=batch_id, state=BatchState.RUNNING).first()


def _first_waiting(batch: ReplayBatch | None) -> ReplayItem | None:
    if batch is None:
        return None
    return ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.WAITING).order_by("place").first()


def _replayed(item: ReplayItem, batch: ReplayBatch) -> tuple[ItemOutcome, str]:
    letter = DeadLetter.objects.filter(pk=item.letter_id).first()
    if letter and review.outlooks([letter])[letter.pk].is_settled:
        return ItemOutcome.SKIPPED, "already answered, or its answer was withheld"
    reason = f"{batch.name}: {batch.reason}"[:REASON_LIMIT]
    (outcome,) = review.replay([item.letter_id], reason=reason, actor=batch.actor)
    return (ItemOutcome.REPLAYED, "") if outcome.is_done else (ItemOutcome.SKIPPED, outcome.why)


def _stopped_for_failures(batch: ReplayBatch) -> bool:
    """Whether so many of the last that ended failed again; it is stopped then."""
    of_it = ReplayItem.objects.filter(batch=batch, outcome__in=(ItemOutcome.PROCESSED, ItemOutcome.FAILED))
    last = list(of_it.order_by("-done_at").values_list("outcome", flat=True)[:LOOKED_AT])
    failed = last.count(ItemOutcome.FAILED)
    if len(last) < LEAST or failed * 100 <= batch.stop_percent * len(last):
        return False
    with transaction.atomic():
        running = _locked(batch.pk)
        if running is not None:
            move(running, BatchState.STOPPED, f"{failed} of the last {len(last)} failed again")
            record(running, "stopped", failed=failed, of=len(last))
    return True

"""
Going on with replays of many: what may go goes, what came of the rest is noted, and what fails too often stops.

Some letters go in one transaction, together with the note that they went: a process that dies in between did neither.
One by one they took twenty statements each, most of it Python's time, for which live messages waited. The lock of the
batch's row keeps two processes from sending the same ones.
"""

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence

from django.db import InterfaceError, InternalError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from psycopg.errors import DeadlockDetected, LockNotAvailable

from audit.columns import ClockTimestamp
from audit.log import REASON_LIMIT
from dead_letters import review
from dead_letters.batches import move, record
from dead_letters.models import BatchState, DeadLetter, ItemOutcome, ReplayBatch, ReplayItem
from dead_letters.outcomes import unknown
from dead_letters.subject import subject_for

log = logging.getLogger(__name__)

HELD = (LockNotAvailable, DeadlockDetected)
AT_ONCE_S = 2  # of the rate, after a pause of the upkeep
IN_FLIGHT_S, IN_FLIGHT_LEAST = 5, 20
TOGETHER = 200  # what the highest rate gives for AT_ONCE_S
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
 WHERE batch_id = %(id)s AND outcome = 'replayed' AND letter_id = ANY(%(gone)s::uuid[])
   AND NOT subject_id = ANY(%(at_work)s::uuid[])
"""


def run() -> int:
    """Goes on with each running batch as far as its rate and the time allow; how many letters went. By the upkeep.

    What came of what had gone is noted, also of a batch that was stopped meanwhile.
    """
    until, went = time.monotonic() + RUN_S, 0
    at_work = ReplayItem.objects.filter(batch=OuterRef("pk"), outcome=ItemOutcome.REPLAYED)
    is_told_of = Q(ended_at=None) | (Q(state=BatchState.STOPPED) & Q(Exists(at_work)))
    # The one that ran longest ago first: the time may not be enough for all. What was stopped comes after them.
    for batch in ReplayBatch.objects.filter(is_told_of).order_by(F("ended_at").asc(nulls_first=True), "ran_at", "id"):
        _settle(batch)
        if batch.state == BatchState.RUNNING and not _stopped_for_failures(batch):
            went += _go_on(batch, until)
    return went


def is_any_waiting() -> bool:
    """Whether there is more to be done soon."""
    running = ReplayBatch.objects.filter(ended_at=None, state=BatchState.RUNNING)
    return ReplayItem.objects.filter(batch__in=running, outcome=ItemOutcome.WAITING).exists()


def _settle(batch: ReplayBatch) -> None:
    """Notes what came of those that are not at work any more."""
    gone = list(
        ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.REPLAYED).values_list("letter_id", flat=True)
    )
    kinds: dict[str, list[uuid.UUID]] = {}
    letters = DeadLetter.objects.filter(pk__in=gone)
    for kind, subject_id in letters.values_list("subject_kind", "subject_id"):
        kinds.setdefault(kind, []).append(subject_id)
    at_work = [key for kind, its in kinds.items() for key in subject_for(kind).at_work(its)]
    with connection.cursor() as cursor:
        # What goes meanwhile was not looked at.
        cursor.execute(_FAILED, {"id": batch.pk, "gone": gone, "at_work": at_work})


def _end_if_all_have(batch: ReplayBatch) -> None:
    unended = (ItemOutcome.WAITING, ItemOutcome.REPLAYED)
    with transaction.atomic():
        mine = _locked(batch.pk, skip_locked=True)
        if mine is not None and not ReplayItem.objects.filter(batch=mine, outcome__in=unended).exists():
            move(mine, BatchState.DONE)
            record(mine, "done")


def _go_on(batch: ReplayBatch, until: float) -> int:
    """Replays together what may go by now; how many went on. 0: another process has the batch, or it does not run.

    Where that fails each goes by itself. One that cannot be replayed is skipped and must hold up no other; a database
    that failed is no outcome.
    """
    went = 0
    try:
        went = _next(batch.pk, TOGETHER)
    except Exception as exc:  # noqa: BLE001 (whatever it was, it is said of the one that it was about)
        _raise_if_away(exc)
        for place in [item.place for item in _waiting(batch, TOGETHER)]:
            if time.monotonic() > until or not _one(batch.pk, place):
                break
            went += 1
    _end_if_all_have(batch)
    return went


def _one(batch_id: uuid.UUID, place: int) -> int:
    try:
        return _next(batch_id, 1, place)
    except Exception as exc:
        _raise_if_away(exc)
        why = "somebody held it; replay it by itself"
        if not isinstance(exc.__cause__, HELD):
            why = f"it could not be replayed: {type(exc).__name__}"
            log.exception("replay_batch.item_failed")
    with transaction.atomic():
        batch = _locked(batch_id)
        items = _waiting(batch, 1, place) if batch else []
        _note(batch_id, items, ItemOutcome.SKIPPED, why)
    return len(items)


def _raise_if_away(exc: Exception) -> None:
    if isinstance(exc, (OperationalError, InterfaceError, InternalError)) and not isinstance(exc.__cause__, HELD):
        raise exc


def _note(batch_id: uuid.UUID, items: Sequence[ReplayItem], outcome: ItemOutcome, why: str) -> None:
    of_them = ReplayItem.objects.filter(batch_id=batch_id, place__in=[item.place for item in items])
    of_them.update(outcome=outcome, why=why[:200], done_at=ClockTimestamp())


def _next(batch_id: uuid.UUID, most: int, place: int | None = None) -> int:
    """One transaction: what may go, goes; at most so many, or the one at this place."""
    with transaction.atomic(), connection.cursor() as cursor:
        # The sweep waits for this; and a process that froze must not keep the batch.
        cursor.execute("SET LOCAL lock_timeout = '1s'; SET LOCAL idle_in_transaction_session_timeout = '5s'")
        batch = _locked(batch_id, skip_locked=True)
        items = _waiting(batch, min(most, _allowed(batch_id)), place) if batch else []
        if batch is None or not items:
            return 0
        alike = defaultdict(list)
        for item, came_of_it in zip(items, _replayed(items, batch), strict=True):
            alike[came_of_it].append(item)
        for (outcome, why), those in alike.items():
            _note(batch_id, those, outcome, why)
        cursor.execute(_USED, {"id": batch_id, "used": len(items), "most_s": AT_ONCE_S})
    return len(items)


def _allowed(batch_id: uuid.UUID) -> int:
    """Under the lock of the batch, so that no two use the same allowance."""
    limits = {"most_s": AT_ONCE_S, "least": IN_FLIGHT_LEAST, "in_flight_s": IN_FLIGHT_S}
    with connection.cursor() as cursor:
        cursor.execute(_ALLOWED, {"id": batch_id, **limits})
        row = cursor.fetchone()
    return max(row[0], 0) if row else 0


def _locked(batch_id: uuid.UUID, *, skip_locked: bool = False) -> ReplayBatch | None:
    """The batch, for the rest of the transaction; None where it does not run, or another process has it."""
    known = ReplayBatch.objects.select_for_update(skip_locked=skip_locked)
    return known.filter(pk=batch_id, state=BatchState.RUNNING).first()


def _waiting(batch: ReplayBatch, most: int, place: int | None = None) -> list[ReplayItem]:
    """The next so many, in their order; or the one at this place."""
    waiting = ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.WAITING)
    return list((waiting if place is None else waiting.filter(place=place)).order_by("place")[:most])


def _replayed(items: Sequence[ReplayItem], batch: ReplayBatch) -> list[tuple[ItemOutcome, str]]:
    """What came of each."""
    letters = DeadLetter.objects.defer("frames").in_bulk([item.letter_id for item in items])
    settled = {key: each.on_replay for key, each in review.outlooks(letters.values()).items() if each.is_settled}
    going = [letters[key] for item in items if (key := item.letter_id) in letters and key not in settled]
    reason = f"{batch.name}: {batch.reason}"[:REASON_LIMIT]
    if len(items) > 1:
        over_s = len(going) / batch.rate
        outcomes = review.replay_together(going, reason=reason, actor=batch.actor, over_s=over_s)
    else:
        outcomes = review.replay([letter.pk for letter in going], reason=reason, actor=batch.actor)
    came = {key: (ItemOutcome.SKIPPED, why) for key, why in settled.items()}
    for outcome in outcomes:
        went = ItemOutcome.REPLAYED if outcome.is_done else ItemOutcome.SKIPPED
        came[outcome.letter_id] = (went, outcome.why)
    return [came.get(item.letter_id, (ItemOutcome.SKIPPED, unknown(item.letter_id).why)) for item in items]


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

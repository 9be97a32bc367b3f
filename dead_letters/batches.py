"""
Replaying many dead letters: a frozen selection that goes back to work one by one, at a rate, in order.

    running <-> paused        by a person
    running -> done           nothing waits any more
    running, paused -> stopped  by a person, or because too many failed again

Each letter goes in a transaction of its own, together with the note that it went: a process that dies in between did
neither. The upkeep of any process goes on with it; the lock of the batch's row keeps two from doing so at once.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Count, QuerySet

import audit
from audit.columns import ClockTimestamp
from dead_letters import review
from dead_letters.models import BatchState, DeadLetter, ItemOutcome, ReplayBatch, ReplayItem, Status

MOST = 10_000  # letters of one batch
RATES = (1, 100)
AT_ONCE_S = 10  # of the rate, after a pause of the upkeep
LOOKED_AT, LEAST = 50, 10  # the last so many decide whether it stops, and not before so many went
FILTERS = {"cause": "cause_id", "account": "account_label", "provider": "provider", "kind": "kind", "code": "code"}
_CHUNK = 1000

_FREEZE = """
INSERT INTO dead_letters_replayitem (batch_id, place, letter_id, subject_id, outcome, why)
SELECT %(batch)s, row_number() OVER (ORDER BY order_at NULLS FIRST, created_at, id), id, subject_id, 'waiting', ''
  FROM dead_letters_deadletter WHERE id = ANY(%(ids)s::uuid[]) AND status = 'open'
"""
# So many may go by now; what was not used up during a pause is lost.
_ALLOWED = """
WITH due AS (
  SELECT id, ran_at FROM dead_letters_replaybatch
   WHERE id = %(id)s AND state = 'running' AND clock_timestamp() >= ran_at + make_interval(secs => 1.0 / rate)
     FOR UPDATE SKIP LOCKED
)
UPDATE dead_letters_replaybatch b SET ran_at = clock_timestamp() FROM due WHERE b.id = due.id
RETURNING floor(least(extract(epoch FROM clock_timestamp() - due.ran_at), %(most_s)s) * b.rate)::int
"""
_FAILED_AGAIN = """
SELECT count(*), count(*) FILTER (WHERE EXISTS (
         SELECT 1 FROM dead_letters_deadletter d WHERE d.subject_id = i.subject_id AND d.created_at > i.done_at))
  FROM (SELECT subject_id, done_at FROM dead_letters_replayitem
         WHERE batch_id = %(id)s AND outcome = 'replayed' ORDER BY place DESC LIMIT %(looked_at)s) i
"""


class EmptyFilter(ValueError):
    """Choose something to narrow the dead letters by: all of them at once are not replayed."""


class TooMany(ValueError):
    """More than 10,000 dead letters match: narrow them further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a replay of a selection would do. left_out: why not, and how many. by_account: those with the most."""

    count: int
    left_out: Mapping[str, int]
    by_account: list[tuple[str, int]]
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch has come. failed_again: of those replayed, died again since."""

    waiting: int
    replayed: int
    skipped: Mapping[str, int]
    failed_again: int


def selected(filters: Mapping[str, str]) -> QuerySet[DeadLetter]:
    """The open letters that match; raises EmptyFilter where nothing narrows them."""
    wanted = {column: filters[name] for name, column in FILTERS.items() if filters.get(name)}
    if not wanted:
        raise EmptyFilter(EmptyFilter.__doc__)
    return DeadLetter.objects.filter(status=Status.OPEN, **wanted)


def preview(filters: Mapping[str, str]) -> Preview:
    """What would go and what would not; raises EmptyFilter and TooMany."""
    letters = _letters(filters)
    left_out = _left_out(letters)
    going = [letter for letter in letters if letter.pk not in left_out]
    whys: dict[str, int] = {}
    for why in left_out.values():
        whys[why] = whys.get(why, 0) + 1
    accounts: dict[str, int] = {}
    for letter in going:
        accounts[letter.account_label] = accounts.get(letter.account_label, 0) + 1
    return Preview(
        count=len(going),
        left_out=whys,
        by_account=sorted(accounts.items(), key=lambda hit: (-hit[1], hit[0]))[:10],
        oldest_at=min((letter.created_at for letter in going), default=None),
    )


def freeze(
    batch_id: uuid.UUID, filters: Mapping[str, str], *, name: str, reason: str, actor: str, rate: int, stop_percent: int
) -> ReplayBatch:
    """Makes the batch of what matches now; the one that is there, where it was made before by this id."""
    if not reason.strip() or not name.strip():
        raise review.ReasonMissing
    letters = _letters(filters)
    left_out = _left_out(letters)
    ids = [letter.pk for letter in letters if letter.pk not in left_out]
    with transaction.atomic():
        batch, is_new = ReplayBatch.objects.get_or_create(
            pk=batch_id,
            defaults={"name": name, "reason": reason, "actor": actor, "rate": rate, "stop_percent": stop_percent,
                      "total": len(ids)},
        )  # fmt: skip
        if is_new:
            with connection.cursor() as cursor:
                cursor.execute(_FREEZE, {"batch": batch_id, "ids": ids})
            _record(batch, "started", actor=actor, reason=reason, count=len(ids))
    return batch


def change(batch_id: uuid.UUID, state: BatchState, *, actor: str) -> bool:
    """Pauses, resumes or stops; False where it has ended, or stands so already."""
    with transaction.atomic():
        batch = ReplayBatch.objects.select_for_update().filter(pk=batch_id, ended_at=None).exclude(state=state).first()
        if batch is None or state is BatchState.DONE:
            return False
        _move(batch, state, "a person stopped it" if state is BatchState.STOPPED else "")
        _record(batch, "resumed" if state is BatchState.RUNNING else str(state), actor=actor)
    return True


def change_rate(batch_id: uuid.UUID, rate: int, *, actor: str) -> bool:
    """From now on so many a second; False where it has ended."""
    with transaction.atomic():
        batch = ReplayBatch.objects.select_for_update().filter(pk=batch_id, ended_at=None).first()
        if batch is None:
            return False
        ReplayBatch.objects.filter(pk=batch_id).update(rate=rate)
        _record(batch, "rate_changed", actor=actor, rate=rate)
    return True


def progress(batch: ReplayBatch) -> Progress:
    """Counted from the items."""
    items = ReplayItem.objects.filter(batch=batch)
    by_outcome = dict(items.values_list("outcome").annotate(count=Count("place")))
    skipped = items.filter(outcome=ItemOutcome.SKIPPED).values_list("why").annotate(count=Count("place"))
    return Progress(
        waiting=by_outcome.get(ItemOutcome.WAITING, 0),
        replayed=by_outcome.get(ItemOutcome.REPLAYED, 0),
        skipped=dict(skipped),
        failed_again=_failed_again(batch, MOST)[1],
    )


def run() -> int:
    """Goes on with each running batch as far as its rate allows; how many letters were looked at. By the upkeep."""
    running = ReplayBatch.objects.filter(ended_at=None, state=BatchState.RUNNING).order_by("created_at", "id")
    return sum(_run(batch) for batch in running)


def _run(batch: ReplayBatch) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_ALLOWED, {"id": batch.pk, "most_s": AT_ONCE_S})
        row = cursor.fetchone()
    done = 0
    for _ in range(row[0] if row else 0):
        if not _one(batch.pk):
            break
        done += 1
    _stop_if_it_fails(batch)
    return done


def _one(batch_id: uuid.UUID) -> bool:
    """Replays the next letter; False where another process has the batch, or it does not run any more."""
    with transaction.atomic():
        running = ReplayBatch.objects.select_for_update(skip_locked=True).filter(pk=batch_id, state=BatchState.RUNNING)
        batch = running.first()
        if batch is None:
            return False
        item = ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.WAITING).order_by("place").first()
        if item is None:
            _move(batch, BatchState.DONE)
            _record(batch, "done")
            return False
        outcome, why = _replayed(item, batch)
        ReplayItem.objects.filter(batch=batch, place=item.place).update(
            outcome=outcome, why=why[:200], done_at=ClockTimestamp()
        )
    return True


def _replayed(item: ReplayItem, batch: ReplayBatch) -> tuple[ItemOutcome, str]:
    letter = DeadLetter.objects.filter(pk=item.letter_id).first()
    if letter and review.outlooks([letter])[letter.pk].is_settled:
        return ItemOutcome.SKIPPED, "already answered, or its answer was withheld"
    (outcome,) = review.replay([item.letter_id], reason=f"{batch.name}: {batch.reason}"[:500], actor=batch.actor)
    return (ItemOutcome.REPLAYED, "") if outcome.is_done else (ItemOutcome.SKIPPED, outcome.why)


def _stop_if_it_fails(batch: ReplayBatch) -> None:
    went, failed = _failed_again(batch, LOOKED_AT)
    if went < LEAST or failed * 100 <= batch.stop_percent * went:
        return
    with transaction.atomic():
        running = ReplayBatch.objects.select_for_update().filter(pk=batch.pk, state=BatchState.RUNNING).first()
        if running is not None:
            _move(running, BatchState.STOPPED, f"{failed} of the last {went} failed again")
            _record(running, "stopped", failed=failed, of=went)


def _failed_again(batch: ReplayBatch, looked_at: int) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_FAILED_AGAIN, {"id": batch.pk, "looked_at": looked_at})
        went, failed = cursor.fetchone() or (0, 0)
        return int(went), int(failed)


def _letters(filters: Mapping[str, str]) -> list[DeadLetter]:
    found = list(selected(filters).defer("frames")[: MOST + 1])
    if len(found) > MOST:
        raise TooMany(TooMany.__doc__)
    return found


def _left_out(letters: list[DeadLetter]) -> dict[uuid.UUID, str]:
    """Those whose replay would do nothing or needs a decision first, and why."""
    found: dict[uuid.UUID, str] = {}
    for start in range(0, len(letters), _CHUNK):
        for letter_id, outlook in review.outlooks(letters[start : start + _CHUNK]).items():
            if outlook.is_settled:
                found[letter_id] = outlook.on_replay
    return found


def _move(batch: ReplayBatch, state: BatchState, why: str = "") -> None:
    has_ended = state in (BatchState.STOPPED, BatchState.DONE)
    ReplayBatch.objects.filter(pk=batch.pk).update(
        state=state, why=why, ran_at=ClockTimestamp(), ended_at=ClockTimestamp() if has_ended else None
    )


def _record(batch: ReplayBatch, what: str, *, actor: str = "system", reason: str = "", **detail: object) -> None:
    audit.record(f"replay_batch.{what}", subject_id=batch.pk, actor=actor, reason=reason, detail=detail)

"""
Replaying many dead letters: a frozen selection that goes back to work at a rate, in order.

    running <-> paused        by a person
    running -> done           nothing waits any more
    running, paused -> stopped  by a person, or because too many failed again

What goes on with them is batch_run.py.
"""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Count, QuerySet

import audit
from audit.columns import ClockTimestamp
from dead_letters import review
from dead_letters.models import BatchState, Cause, DeadLetter, ItemOutcome, ReplayBatch, ReplayItem, Status

ACT_RIGHTS = ("dead_letters.act_on_deadletter", "dead_letters.view_deadletter", "dead_letters.view_replaybatch")
MOST = 10_000  # letters of one batch
MOST_NAMED = 10
TYPED_ABOVE = 1000  # the number is typed, so that nobody replays ten thousand by a slip
RATES = (1, 100)
SAYS = {"pause": BatchState.PAUSED, "resume": BatchState.RUNNING, "stop": BatchState.STOPPED}
FILTERS = {"cause": "cause_id", "account": "account_label", "provider": "provider", "kind": "kind", "code": "code"}
_FAILED = 1000  # whose causes are counted

# By the first life of each: what died again stands at the end of its conversation, and would come after what it was
# before.
_FREEZE = """
INSERT INTO dead_letters_replayitem (batch_id, place, letter_id, subject_id, outcome, why)
SELECT %(batch)s, row_number() OVER (ORDER BY first_at NULLS FIRST, created_at, id), id, subject_id, 'waiting', ''
  FROM (SELECT d.*, (SELECT min(x.order_at) FROM dead_letters_deadletter x
                      WHERE x.subject_id = d.subject_id) AS first_at
          FROM dead_letters_deadletter d WHERE d.id = ANY(%(ids)s::uuid[]) AND d.status = 'open') chosen
"""


class EmptyFilter(ValueError):
    """Choose something to narrow the dead letters by: all of them at once are not replayed."""


class NothingToReplay(ValueError):
    """No open dead letter matches that a replay would do anything about."""


class TooMany(ValueError):
    """More than 10,000 dead letters match: narrow them further."""


class _Chosen(NamedTuple):
    """A letter that matches, of ten thousand: rows of the model took three times as long."""

    id: uuid.UUID
    subject_kind: str
    subject_id: uuid.UUID
    account_label: str
    cause_id: uuid.UUID
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a replay of a selection would do. left_out: why not, and how many. by_*: those with the most.

    looked_up: of the count, those whose answer may be there, and is looked for first. late: of the count, those for
    whose answer it is too late. by_cause: the causes themselves.
    """

    count: int
    looked_up: int
    late: int
    left_out: Mapping[str, int]
    by_account: list[tuple[str, int]]
    by_cause: list[tuple[Cause, int]]
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch has come; at_work: gone, and what comes of them is not known yet. skipped: by why."""

    waiting: int
    at_work: int
    processed: int
    failed: int
    skipped: Mapping[str, int]


def selected(filters: Mapping[str, str], *, until: datetime) -> QuerySet[DeadLetter]:
    """The open letters that match and had died by then; raises EmptyFilter where nothing narrows them."""
    wanted = {column: filters[name] for name, column in FILTERS.items() if filters.get(name)}
    if not wanted:
        raise EmptyFilter(EmptyFilter.__doc__)
    return DeadLetter.objects.filter(status=Status.OPEN, created_at__lte=until, **wanted)


def preview(filters: Mapping[str, str], *, until: datetime) -> Preview:
    """What would go and what would not of what had died by then; raises EmptyFilter and TooMany."""
    letters = _letters(filters, until)
    outlooks = review.outlooks(letters)
    left_out = {key: outlook.on_replay for key, outlook in outlooks.items() if outlook.is_settled}
    going = [letter for letter in letters if letter.id not in left_out]
    accounts = Counter(letter.account_label for letter in going)
    causes = Counter(letter.cause_id for letter in going)
    return Preview(
        count=len(going),
        looked_up=sum(outlooks[letter.id].is_in_doubt for letter in going),
        left_out=dict(Counter(left_out.values())),  # a template asks a Counter for the key "items"
        late=sum(outlooks[letter.id].is_late for letter in going),
        by_account=sorted(accounts.items(), key=lambda hit: (-hit[1], hit[0]))[:MOST_NAMED],
        by_cause=_named(causes),
        oldest_at=min((letter.created_at for letter in going), default=None),
    )


def freeze(
    batch_id: uuid.UUID,
    filters: Mapping[str, str],
    *,
    until: datetime,
    name: str,
    reason: str,
    actor: str,
    rate: int,
    stop_percent: int,
) -> ReplayBatch:
    """Makes the batch of what matches and had died by then; the one that is there, where it was made by this id.

    Raises NothingToReplay.
    """
    if not reason.strip() or not name.strip():
        raise review.ReasonMissing
    letters = _letters(filters, until)
    settled = {key for key, outlook in review.outlooks(letters).items() if outlook.is_settled}
    facts = {"name": name, "reason": reason, "actor": actor, "rate": rate, "stop_percent": stop_percent}
    with transaction.atomic():
        batch, is_new = ReplayBatch.objects.get_or_create(
            pk=batch_id, defaults=facts | {"chosen": dict(filters), "total": 0}
        )
        if not is_new:
            return batch
        with connection.cursor() as cursor:
            ids = [letter.id for letter in letters if letter.id not in settled]
            cursor.execute(_FREEZE, {"batch": batch_id, "ids": ids})
            batch.total = cursor.rowcount
        if not batch.total:
            raise NothingToReplay(NothingToReplay.__doc__)
        batch.save(update_fields=["total"])
        detail = {"count": batch.total, "rate": rate, "stop_percent": stop_percent, **filters}
        record(batch, "started", actor=actor, reason=reason, **detail)
    return batch


def change(batch_id: uuid.UUID, state: BatchState, *, actor: str) -> bool:
    """Pauses, resumes or stops; False where it has ended, or stands so already."""
    with transaction.atomic():
        batch = ReplayBatch.objects.select_for_update().filter(pk=batch_id, ended_at=None).exclude(state=state).first()
        if batch is None or state is BatchState.DONE:
            return False
        move(batch, state, "a person stopped it" if state is BatchState.STOPPED else "")
        record(batch, "resumed" if state is BatchState.RUNNING else str(state), actor=actor)
    return True


def change_rate(batch_id: uuid.UUID, rate: int, *, actor: str) -> bool:
    """From now on so many a second; False where it has ended."""
    with transaction.atomic():
        batch = ReplayBatch.objects.select_for_update().filter(pk=batch_id, ended_at=None).first()
        if batch is None:
            return False
        ReplayBatch.objects.filter(pk=batch_id).update(rate=rate)
        record(batch, "rate_changed", actor=actor, rate=rate, before=batch.rate)
    return True


def progress(batch: ReplayBatch) -> Progress:
    """Counted from the items."""
    items = ReplayItem.objects.filter(batch=batch)
    by_outcome = dict(items.values_list("outcome").annotate(count=Count("place")))
    skipped = items.filter(outcome=ItemOutcome.SKIPPED).values_list("why").annotate(count=Count("place"))
    return Progress(
        waiting=by_outcome.get(ItemOutcome.WAITING, 0),
        at_work=by_outcome.get(ItemOutcome.REPLAYED, 0),
        processed=by_outcome.get(ItemOutcome.PROCESSED, 0),
        failed=by_outcome.get(ItemOutcome.FAILED, 0),
        skipped=dict(skipped),
    )


def left(batch_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many letters of each batch have not ended, where any have not."""
    unended = ReplayItem.objects.filter(batch__in=batch_ids, outcome__in=(ItemOutcome.WAITING, ItemOutcome.REPLAYED))
    return dict(unended.order_by().values_list("batch_id").annotate(count=Count("place")))


def running(filters: Mapping[str, str]) -> list[ReplayBatch]:
    """Those that have not ended and may hold letters of such a choice."""
    unended = ReplayBatch.objects.filter(ended_at=None).order_by("-id")
    return [each for each in unended if all(filters.get(key, value) == value for key, value in each.chosen.items())]


def failed_by_cause(batch: ReplayBatch) -> list[tuple[Cause, int]]:
    """Of what those died that failed again, the most frequent first; of the first 1,000 of them."""
    failed = ReplayItem.objects.filter(batch=batch, outcome=ItemOutcome.FAILED).order_by("place")
    subjects = list(failed.values_list("subject_id", flat=True)[:_FAILED])
    again = DeadLetter.objects.filter(subject_id__in=subjects, created_at__gt=batch.created_at)
    newest = dict(again.order_by("created_at").values_list("subject_id", "cause_id"))
    return _named(Counter(newest.values()))


def _named(causes: Counter[uuid.UUID]) -> list[tuple[Cause, int]]:
    most = causes.most_common(MOST_NAMED)
    known = Cause.objects.in_bulk([key for key, _ in most])
    return [(known[key], count) for key, count in most]


def _letters(filters: Mapping[str, str], until: datetime) -> list[_Chosen]:
    columns = selected(filters, until=until).values_list(*_Chosen._fields)
    found = [_Chosen._make(row) for row in columns[: MOST + 1]]
    if len(found) > MOST:
        raise TooMany(TooMany.__doc__)
    return found


def move(batch: ReplayBatch, state: BatchState, why: str = "") -> None:
    """Under the lock of its row."""
    has_ended = state in (BatchState.STOPPED, BatchState.DONE)
    ReplayBatch.objects.filter(pk=batch.pk).update(
        state=state, why=why, ran_at=ClockTimestamp(), ended_at=ClockTimestamp() if has_ended else None
    )


def record(batch: ReplayBatch, what: str, *, actor: str = "system", reason: str = "", **detail: object) -> None:
    """One audit entry, in the transaction of what was done."""
    audit.record(f"replay_batch.{what}", subject_id=batch.pk, actor=actor, reason=reason, detail=detail)

"""What people do with dead letters: each act on each letter is one audited transaction, or part of one with others.

    open -> replayed    its subject is back at work
    open -> resolved    put right by other means
    open -> discarded   nothing will be done
    open -> resolved    its effect arrived after all, by a person's word
    open -> replayed    its effect did not arrive, by a person's word, and is made again
    resolved, discarded -> open

A replay and a decision take the subject's lock before the letter's, as a worker does that buries or closes;
the other order would deadlock with it.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, Protocol

from django.db import IntegrityError, transaction
from django.db.models import F

from audit.columns import ClockTimestamp
from audit.log import REASON_LIMIT, Entry, record_many
from dead_letters.models import DeadLetter, Status
from dead_letters.outcomes import Outcome, Result, not_closed, not_open, refused, unknown
from dead_letters.subject import Outlook, Subject, subject_for


class ReasonMissing(ValueError):
    """Say why, in 1 to 500 characters: the reason goes into the audit log."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Act(Protocol):
    def __call__(self, letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]: ...


def replay(letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]:
    """Send the subjects of open letters back to work, oldest first, so that each lane keeps its order."""
    return _each(letter_ids, _replay, reason=reason, actor=actor)


def replay_together(letters: Sequence[DeadLetter], *, reason: str, actor: str, over_s: float) -> list[Outcome]:
    """As `replay`, in the order given and in the caller's transaction: several for little more than one costs.

    over_s: the workers are told of their subjects one after the other over so long, not of all at once.
    Raises LostRace where another act closes one of them meanwhile: the caller takes all back, and each is for `replay`.
    """
    outcomes, by_kind = [], defaultdict(list)
    for letter in letters:
        if letter.status == Status.OPEN:
            by_kind[letter.subject_kind].append(letter)
        else:
            outcomes.append(not_open(letter))
    for kind, its in by_kind.items():
        outcomes += _gone(subject_for(kind), its, reason=reason, actor=actor, over_s=over_s)
    return outcomes


def resolve(letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]:
    """Close open letters whose trouble was put right by other means."""
    return _each(letter_ids, _resolve, reason=reason, actor=actor)


def discard(letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]:
    """Close open letters for which nothing will be done."""
    return _each(letter_ids, _discard, reason=reason, actor=actor)


def reopen(letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]:
    """Open resolved and discarded letters again, where a replay is still possible."""
    return _each(letter_ids, _reopen, reason=reason, actor=actor)


def arrived(letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]:
    """Close open letters in doubt because the effect of their subjects arrived."""
    return _each(letter_ids, _arrived, reason=reason, actor=actor)


def send_again(letter_ids: Iterable[uuid.UUID], *, reason: str, actor: str) -> list[Outcome]:
    """Send the subjects of open letters in doubt back to work because their effect did not arrive."""
    return _each(letter_ids, _send_again, reason=reason, actor=actor)


DECISIONS: dict[str, Act] = {"arrived": arrived, "send_again": send_again}  # of letters in doubt only
ACTS: dict[str, Act] = {"replay": replay, "resolve": resolve, "discard": discard, "reopen": reopen, **DECISIONS}
BACK_TO_WORK = ("replay", "send_again")  # their subjects are worked on again, later


class Judged(Protocol):
    """What of a letter tells its subject: a row of it, or no more than these columns."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def subject_kind(self) -> str: ...
    @property
    def subject_id(self) -> uuid.UUID: ...


def outlooks(letters: Iterable[Judged]) -> dict[uuid.UUID, Outlook]:
    """What is known of the subject of each letter before an act, by the letter's id."""
    by_kind: dict[str, list[Judged]] = {}
    for letter in letters:
        by_kind.setdefault(letter.subject_kind, []).append(letter)
    found: dict[uuid.UUID, Outlook] = {}
    nothing = Outlook()
    for kind, its in by_kind.items():
        known = subject_for(kind).outlooks([letter.subject_id for letter in its])
        found |= {letter.id: known.get(letter.subject_id, nothing) for letter in its}
    return found


def close_by_subject(subject_id: uuid.UUID, *, reason: str, actor: str = "system") -> bool:
    """Resolve the open letter of a subject that proved done after all; True where there was one."""
    letter = DeadLetter.objects.filter(subject_id=subject_id, status=Status.OPEN).first()
    if letter is None:
        return False
    with transaction.atomic():
        return _close(letter, Status.RESOLVED, reason=reason, actor=actor).is_done


class LostRace(Exception):
    """Another act closed the letter while its subject was moved: take the move back."""


_One = Callable[..., Outcome]
_Closed = Literal[Status.REPLAYED, Status.RESOLVED, Status.DISCARDED]


def _each(letter_ids: Iterable[uuid.UUID], act: _One, *, reason: str, actor: str) -> list[Outcome]:
    reason = reason.replace("\0", "").strip()
    if not 1 <= len(reason) <= REASON_LIMIT:
        raise ReasonMissing
    outcomes = []
    for letter_id in oldest_first(list(dict.fromkeys(letter_ids))):
        letter = DeadLetter.objects.filter(pk=letter_id).first()
        if letter is None:
            outcomes.append(unknown(letter_id))
            continue
        with transaction.atomic():
            outcomes.append(act(letter, reason=reason, actor=actor))
    return outcomes


def oldest_first(letter_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """The same letters in the order in which they must go back to work."""
    known = (
        DeadLetter.objects.filter(pk__in=letter_ids)
        .order_by(F("order_at").asc(nulls_first=True), "created_at", "id")
        .values_list("id", flat=True)
    )
    return list(dict.fromkeys([*known, *letter_ids]))


def _replay(letter: DeadLetter, *, reason: str, actor: str) -> Outcome:
    if letter.status != Status.OPEN:
        return not_open(letter)
    subject = subject_for(letter.subject_kind)
    try:
        with transaction.atomic():
            if letter.subject_id not in subject.replay([letter.subject_id], reason=reason, actor=actor):
                return refused(letter, subject.why_not(letter.subject_id))
            return _closed(letter, Status.REPLAYED, reason=reason, actor=actor)
    except LostRace:
        return not_open(letter)


def _gone(subject: Subject, letters: Sequence[DeadLetter], *, reason: str, actor: str, over_s: float) -> list[Outcome]:
    """Replays open letters of one kind together; raises LostRace."""
    gone = subject.replay([letter.subject_id for letter in letters], reason=reason, actor=actor, over_s=over_s)
    went = [letter for letter in letters if letter.subject_id in gone]
    if _set(went, Status.REPLAYED, reason=reason, actor=actor) != len(went):
        raise LostRace
    record_many([_entry(letter, Status.REPLAYED, reason=reason, actor=actor) for letter in went])
    return [
        Outcome(letter_id=letter.pk, result=Result.DONE)
        if letter.subject_id in gone
        else refused(letter, subject.why_not(letter.subject_id))
        for letter in letters
    ]


def _arrived(letter: DeadLetter, *, reason: str, actor: str) -> Outcome:
    def settle(subject: Subject) -> bool:
        return subject.decide(letter.subject_id, arrived=True, reason=reason, actor=actor)

    return _decided(letter, settle, Status.RESOLVED, reason=reason, actor=actor)


def _send_again(letter: DeadLetter, *, reason: str, actor: str) -> Outcome:
    def settle(subject: Subject) -> bool:
        is_settled = subject.decide(letter.subject_id, arrived=False, reason=reason, actor=actor)
        return is_settled and bool(subject.replay([letter.subject_id], reason=reason, actor=actor))

    return _decided(letter, settle, Status.REPLAYED, reason=reason, actor=actor)


def _decided(
    letter: DeadLetter, settle: Callable[[Subject], bool], status: _Closed, *, reason: str, actor: str
) -> Outcome:
    if letter.status != Status.OPEN:
        return not_open(letter)
    try:
        with transaction.atomic():
            if not settle(subject_for(letter.subject_kind)):
                raise LostRace
            return _closed(letter, status, reason=reason, actor=actor)
    except LostRace:
        letter.refresh_from_db(fields=["status"])
        if letter.status != Status.OPEN:
            return not_open(letter)
        return refused(letter, "there is nothing to decide about it")


def _closed(letter: DeadLetter, status: _Closed, *, reason: str, actor: str) -> Outcome:
    """As `_close`, where the subject was moved before; raises LostRace where the letter is not open any more."""
    outcome = _close(letter, status, reason=reason, actor=actor)
    if not outcome.is_done:
        raise LostRace
    return outcome


def _resolve(letter: DeadLetter, *, reason: str, actor: str) -> Outcome:
    return _close(letter, Status.RESOLVED, reason=reason, actor=actor)


def _discard(letter: DeadLetter, *, reason: str, actor: str) -> Outcome:
    return _close(letter, Status.DISCARDED, reason=reason, actor=actor)


def _close(
    letter: DeadLetter,
    status: _Closed,
    *,
    reason: str,
    actor: str,
) -> Outcome:
    if not _set([letter], status, reason=reason, actor=actor):
        return not_open(letter)
    return _done(letter, status, reason=reason, actor=actor)


def _set(letters: Sequence[DeadLetter], status: _Closed, *, reason: str, actor: str) -> int:
    """Closes those that are open; how many."""
    return DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters], status=Status.OPEN).update(
        status=status,
        closed_at=ClockTimestamp(),
        closed_by=actor,
        close_reason=reason,
        replays=F("replays") + (1 if status is Status.REPLAYED else 0),
    )


def _reopen(letter: DeadLetter, *, reason: str, actor: str) -> Outcome:
    closed = DeadLetter.objects.filter(pk=letter.pk, status__in=(Status.RESOLVED, Status.DISCARDED))
    if letter.status not in (Status.RESOLVED, Status.DISCARDED):
        return not_closed(letter)
    why_not = subject_for(letter.subject_kind).why_not(letter.subject_id)
    if why_not is not None:
        return refused(letter, why_not)
    try:
        with transaction.atomic():
            opened = closed.update(status=Status.OPEN, closed_at=None, closed_by="", close_reason="")
    except IntegrityError:
        return refused(letter, "another dead letter of the same event is open")
    if not opened:
        return not_closed(letter)
    return _done(letter, "reopened", reason=reason, actor=actor)


def _done(letter: DeadLetter, what: str, *, reason: str, actor: str) -> Outcome:
    record_many([_entry(letter, what, reason=reason, actor=actor)])
    return Outcome(letter_id=letter.pk, result=Result.DONE)


def _entry(letter: DeadLetter, what: str, *, reason: str, actor: str) -> Entry:
    return Entry(
        action=f"dead_letter.{what}",
        subject_id=letter.subject_id,
        provider=letter.provider,
        correlation_id=letter.correlation_id,
        actor=actor,
        detail={"dead_letter": letter.pk, "code": letter.code},
        reason=reason,
    )

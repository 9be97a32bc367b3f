"""How one act on one dead letter ended."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from dead_letters.models import DeadLetter, Status


class Result(StrEnum):
    """How one act on one letter ended."""

    DONE = "done"
    NOT_OPEN = "not_open"  # someone closed it before
    NOT_CLOSED = "not_closed"  # a reopen of what is not resolved or discarded
    REFUSED = "refused"  # the subject cannot go back; `why` says why
    UNKNOWN = "unknown"  # no such letter


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one letter; `why` is a clause without capital and full stop, empty where it was done."""

    letter_id: uuid.UUID
    result: Result
    why: str = ""

    @property
    def is_done(self) -> bool:
        return self.result is Result.DONE


def unknown(letter_id: uuid.UUID) -> Outcome:
    """No such letter."""
    return Outcome(letter_id=letter_id, result=Result.UNKNOWN, why="there is no such dead letter")


def not_open(letter: DeadLetter) -> Outcome:
    """Somebody closed it before."""
    letter.refresh_from_db(fields=["status"])
    return Outcome(letter_id=letter.pk, result=Result.NOT_OPEN, why=f"already {letter.status}")


def not_closed(letter: DeadLetter) -> Outcome:
    """It is open, or was replayed."""
    letter.refresh_from_db(fields=["status"])
    why = "it is open" if letter.status == Status.OPEN else "its event was replayed"
    return Outcome(letter_id=letter.pk, result=Result.NOT_CLOSED, why=why)


def refused(letter: DeadLetter, why: str | None) -> Outcome:
    """Its subject cannot go back; why, in a clause."""
    letter.refresh_from_db(fields=["status"])
    if letter.status == Status.REPLAYED:
        return not_open(letter)
    return Outcome(letter_id=letter.pk, result=Result.REFUSED, why=why or "its event is not dead any more")

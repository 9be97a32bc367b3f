"""The slot through which a replay reaches what died; filled at start by the app that buries."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is known before an act. on_replay: a sentence on what a replay would not repeat, or "".

    is_in_doubt: an effect of it may have arrived outside; a person can decide whether it did.
    is_settled: its effect stands, or was decided against, or cannot be made any more: a replay would do nothing.
    is_late: a replay does all but what was to be sent: the time for that is over.
    """

    on_replay: str = ""
    is_in_doubt: bool = False
    is_settled: bool = False
    is_late: bool = False


class Subject(Protocol):
    """What the owner of a kind of subject can do for its dead letters."""

    def replay(self, ids: Sequence[uuid.UUID], *, reason: str, actor: str, over_s: float = 0.0) -> set[uuid.UUID]:
        """Send subjects back to work in this order, in the caller's transaction; gives those that went.

        over_s: the workers are told of them one after the other over so long, not all at once.
        """
        ...

    def at_work(self, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Those that are not ended: what becomes of them is not known yet."""
        ...

    def why_not(self, subject_id: uuid.UUID) -> str | None:
        """Why this subject cannot be replayed, as a clause without capital and full stop; None where it can."""
        ...

    def outlooks(self, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, Outlook]:
        """The outlook of those subjects of which there is something to say."""
        ...

    def decide(self, subject_id: uuid.UUID, *, arrived: bool, reason: str, actor: str) -> bool:
        """Settle a doubt in the caller's transaction; False where there is none (any more)."""
        ...


_subjects: dict[str, Subject] = {}


def register(kind: str, subject: Subject) -> None:
    """Let dead letters of this kind be replayed by `subject`."""
    _subjects[kind] = subject


def subject_for(kind: str) -> Subject:
    """Who replays dead letters of this kind; LookupError where nobody registered."""
    try:
        return _subjects[kind]
    except KeyError:
        raise LookupError(f"Nobody registered to replay dead letters of kind {kind!r}.") from None

"""The slot through which a replay reaches what died; filled at start by the app that buries."""

import uuid
from collections.abc import Sequence
from typing import Protocol


class Subject(Protocol):
    """What the owner of a kind of subject can do for its dead letters."""

    def replay(self, ids: Sequence[uuid.UUID], *, reason: str, actor: str) -> set[uuid.UUID]:
        """Send subjects back to work in the caller's transaction; gives those that went."""
        ...

    def why_not(self, subject_id: uuid.UUID) -> str | None:
        """A sentence on why this subject cannot be replayed; None where it can."""
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

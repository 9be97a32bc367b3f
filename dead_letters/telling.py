"""The slot through which the page of a letter tells of its subject; filled by the admin of the app that buries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audit.pages.steps import Line
from dead_letters.models import DeadLetter


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What there is to say of a subject beside its letter; nothing in it is personal data.

    verdict: in a sentence or two what happened, what a replay would do, and whether it is safe.
    links: words and addresses of the pages about it.
    steps: what happened to it, oldest first.
    """

    verdict: str
    links: Sequence[tuple[str, str]] = ()
    steps: Sequence[Line] = ()


Allowed = Callable[[str], bool]  # whether whoever asks has this permission
_tellers: dict[str, Callable[[DeadLetter, Allowed], Told]] = {}


def register(kind: str, teller: Callable[[DeadLetter, Allowed], Told]) -> None:
    """Let pages of dead letters of this kind of subject tell what `teller` knows."""
    _tellers[kind] = teller


def told(letter: DeadLetter, allowed: Allowed) -> Told:
    """What may be told of the subject of a letter; empty where nobody registered."""
    teller = _tellers.get(letter.subject_kind)
    return teller(letter, allowed) if teller else Told(verdict="")

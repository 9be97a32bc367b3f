"""A slot's visit to a lane: how long it stays, and what the end of one event brings it of the next."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.worker.life import life

MOST_IN_A_ROW = 8
# A slot that stays keeps other conversations waiting, and one that leaves costs a look, a wake-up and a claim. Two
# hundred slots with calls of 200 ms: 76 % of what they could do with two seconds, 88 with one, 86 with half of one.
LONGEST_S = 1.0


class Visit:
    """The events of one lane that a slot works off in a row."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.events = 0
        self.following: Claim | None = None
        self.is_through = False  # the end of the last event found nothing to claim behind it

    def goes_on(self) -> bool:
        """Whether the slot stays after the event that it is at."""
        return not (
            life.stopping.is_set() or self.events >= MOST_IN_A_ROW or time.monotonic() - self._begun > LONGEST_S
        )

    def taken(self) -> tuple[Claim | None, bool]:
        """The claim that the last event brought along, and whether it is known that there is none; once."""
        found = self.following, self.is_through
        self.following, self.is_through = None, False
        return found


_current: ContextVar[Visit | None] = ContextVar("visit", default=None)


@contextmanager
def begun() -> Iterator[Visit]:
    """The visit of this slot."""
    visit = Visit()
    token = _current.set(visit)
    try:
        yield visit
    finally:
        _current.reset(token)


def current() -> Visit | None:
    """None in a process that works off one event and ends."""
    return _current.get()

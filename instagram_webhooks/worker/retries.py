"""Trying again: what is raised after a retry was committed, and which waits Celery holds itself."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

from instagram_webhooks.errors import Retryable

# A countdown lies in a worker's memory and counts as taken: with many of them a worker goes deaf.
# The sweep wakes what waits longer.
LONGEST_HELD_S = 60.0
MOST_HELD = 100


class TryAgain(Retryable):
    """The event is to be tried again; raised when that is committed, for Celery's autoretry to re-schedule."""

    code = "try_again"

    def __init__(self, *, event_id: UUID, wait_s: float) -> None:
        super().__init__(event_id=str(event_id), wait_s=wait_s)
        self.event_id, self.wait_s = event_id, wait_s


class Held:
    """The countdowns that this process published and that are not over yet."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: list[float] = []
        self._lock = threading.Lock()

    def take(self, wait_s: float) -> bool:
        """Whether a countdown of so many seconds may be published; counts it if so."""
        if wait_s > LONGEST_HELD_S:
            return False
        now = self._clock()
        with self._lock:
            self._ends = [end for end in self._ends if end > now]
            if len(self._ends) >= MOST_HELD:
                return False
            self._ends.append(now + wait_s)
            return True


held = Held()

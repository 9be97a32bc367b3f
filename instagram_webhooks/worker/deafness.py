"""Whether this worker still hears its broker: connected, with a free slot and messages ready, it must get some."""

import time
from collections.abc import Callable

EVERY_S = 10.0
# One sample proves nothing: another worker may have been faster, or a reconnection is under way.
IN_A_ROW = 6


class Deafness:
    """The rule, one sample after the other.

    ready: messages ready in the queue, None where the broker does not answer: then nobody hears anything.
    free_slots: how many of this worker's slots have nothing to do. One that is busy need not hear.
    """

    def __init__(
        self,
        *,
        ready: Callable[[], int | None],
        free_slots: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ready, self._free_slots, self._clock = ready, free_slots, clock
        self._next_at = clock() + EVERY_S
        self._heard = False
        self._in_a_row = 0

    def heard(self) -> None:
        """A message has come."""
        self._heard = True

    def is_certain(self) -> bool:
        """Takes a sample where one is due; True after so many in a row that no healthy worker explains them."""
        if self._clock() < self._next_at:
            return False
        self._next_at = self._clock() + EVERY_S
        heard, self._heard = self._heard, False
        is_silent = not heard and self._free_slots() > 0 and bool(self._ready())
        self._in_a_row = self._in_a_row + 1 if is_silent else 0
        return self._in_a_row >= IN_A_ROW

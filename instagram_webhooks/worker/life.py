"""This process as a worker: its id, what its slots are busy with, and whether it is about to stop."""

import mmap
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from audit.ids import uuid7


class Flag:
    """A flag in memory that a process shares with its forks: only the parent of a pool of processes hears a signal.

    No lock: whoever is killed while holding one would stop all others.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def is_set(self) -> bool:
        return self._shared[0] == 1

    def set(self) -> None:
        self._shared[0] = 1

    def clear(self) -> None:
        self._shared[0] = 0


class Life:
    """The one worker of this process. Every claim carries its id; a fork gets an id of its own."""

    def __init__(self) -> None:
        self.stopping = Flag()
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self.worker_id: UUID = uuid7()
        self.delivered_at: float | None = None  # time.time() of the last message from the broker
        self._busy: dict[int, float] = {}

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A slot of this process works on a claim."""
        slot = threading.get_ident()
        self._busy[slot] = time.monotonic()
        try:
            yield
        finally:
            self._busy.pop(slot, None)

    def in_flight(self) -> int:
        """How many slots are busy."""
        return len(self._busy)

    def longest_s(self) -> float:
        """For how long the slowest slot has been on one event; 0 where none is busy."""
        begun = min(list(self._busy.values()), default=None)
        return 0.0 if begun is None else time.monotonic() - begun


life = Life()

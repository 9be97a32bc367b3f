"""This process as a worker: its id, what its slots are busy with, and whether it is about to stop."""

import math
import mmap
import os
import signal
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
        self.parent_id: UUID | None = None  # the worker_id of the process that this one is a fork of
        self._reset()
        os.register_at_fork(after_in_child=self._fork)

    def _fork(self) -> None:
        self.parent_id = self.worker_id
        self._reset()

    def _reset(self) -> None:
        self.worker_id: UUID = uuid7()
        self.delivered_at: float | None = None  # time.time() of the last message from the broker
        self.exit_code = 0  # what a supervisor is told; not 0 where the process ends because it is unwell
        self._busy: dict[int, tuple[float, float]] = {}  # begun, by the clock and by _lived
        self._held: dict[int, UUID] = {}
        self.may_hold_more = False  # the answer of a claim was lost, so the claim may have been made
        self.looks_again_at = 0.0  # not sooner, by time.monotonic
        self._beat_at = self._late_s = math.inf
        self._missed_at = self._stood_s = 0.0

    def end_unwell(self) -> None:
        """Ends the process in order, but with an exit code for which every supervisor starts another."""
        self.exit_code = os.EX_SOFTWARE
        os.kill(os.getpid(), signal.SIGTERM)

    @contextmanager
    def busy(self, event_id: UUID) -> Iterator[None]:
        """A slot of this process works on its claim on an event."""
        slot = threading.get_ident()
        self._busy[slot], self._held[slot] = self._now(), event_id
        try:
            yield
        finally:
            self._busy.pop(slot, None)
            self._held.pop(slot, None)

    def busy_s(self) -> float:
        """For how long this slot has been at its claim; infinite where it has none."""
        return time.monotonic() - self._busy.get(threading.get_ident(), (-math.inf, 0.0))[0]

    def begin_again(self) -> None:
        """This slot's claim has a whole lease ahead again."""
        if (slot := threading.get_ident()) in self._busy:
            self._busy[slot] = self._now()

    def beat(self, *, every_s: float) -> None:
        """The heartbeat was just written; the next one is due after so many seconds."""
        now = time.monotonic()
        if self._is_late(now):
            self._missed_at = now
            self._stood_s += now - self._beat_at
        self._beat_at, self._late_s = now, 2 * every_s

    def beat_at(self) -> float | None:
        """When the last heartbeat was written, by time.monotonic(); None before the first."""
        return None if math.isinf(self._beat_at) else self._beat_at

    def missed_a_beat_since(self, moment: float) -> bool:
        """Whether this process or its database stood still for a while since then (time.monotonic)."""
        return self._missed_at >= moment or self._is_late(time.monotonic())

    def _is_late(self, now: float) -> bool:
        return now - self._beat_at > self._late_s

    def _now(self) -> tuple[float, float]:
        """The time, and what of it has been lived: without the stretches in which no heartbeat could be written."""
        now = time.monotonic()
        return now, (self._beat_at if self._is_late(now) else now) - self._stood_s

    def at_work(self) -> list[UUID]:
        """The events that the slots work on."""
        return list(self._held.values())

    def in_flight(self) -> int:
        """How many slots are busy."""
        return len(self._busy)

    def longest_s(self) -> float:
        """For how long the slowest slot has been on one event while the database answered; 0 where none is busy.

        For a database that stood still all slots wait, so that time makes none of them stuck.
        """
        begun = min([lived for _, lived in list(self._busy.values())], default=None)
        return 0.0 if begun is None else max(0.0, self._now()[1] - begun)


life = Life()

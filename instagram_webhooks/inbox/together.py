"""
Doing at once what several threads ask for at the same time: one of them does it for all.

Whoever finds nobody at it takes everything that waits, its own included; whoever comes meanwhile
waits, and the first of those is next. There is no thread more: alone, a thread does its own thing at once.
Where it is known that others are about to come, it waits for them a moment (decision 18).
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import OperationalError

from instagram_webhooks.inbox.line import DATABASE_FAILED

Row = TypeVar("Row")
Done = TypeVar("Done")

MOST = 500
LATELY = 4  # times: as many as came together in one of them may come again
ONE_MORE = 8  # each so many times one more is waited for: four that never wait for the fifth would never meet it
PATIENCE_S, LONGEST_S = 0.003, 0.03
TIMES = 3  # as long as `act` takes: where all is slow, those who are coming come later too


@dataclass(slots=True, eq=False)
class _Asked(Generic[Row, Done]):
    row: Row
    told: threading.Lock = field(default_factory=threading.Lock)
    leads: bool = False
    done: list[Done] = field(default_factory=list)
    error: Exception | None = None

    def result(self) -> Done:
        if self.error is not None:
            raise self.error
        if not self.done:
            raise OperationalError("The thread that did it for all has died.")
        return self.done[0]


class Together(Generic[Row, Done]):
    """Calls `act` with the rows of all who ask at once; it gives one result a row, in their order.

    Where it fails for more than one row and not for the database's sake, each row is tried alone, so that
    none fails for another's.

    coming: how many may ask about now, where so many do already. Whoever leads waits for so many, but for no more than
    came together lately, at times one more, and for TIMES as long as `act` took of late, at its quickest; PATIENCE_S
    where that is less, LONGEST_S where it is more.
    """

    def __init__(
        self, act: Callable[[Sequence[Row]], Sequence[Done]], *, coming: Callable[[int], int] = lambda waiting: waiting
    ) -> None:
        self._act, self._coming = act, coming
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Asked[Row, Done]] = []
        self._is_led = False
        self._lately = deque([1], maxlen=LATELY)
        self._took_s = deque([0.0], maxlen=LATELY)
        self._times = 0
        self._expected = 0  # by the one that leads, while it waits
        self._enough = threading.Lock()

    def __call__(self, row: Row) -> Done:
        """What became of this row; raises what `act` raised for it."""
        mine: _Asked[Row, Done] = _Asked(row)
        mine.told.acquire()
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._is_led = not self._is_led, True
            if 0 < self._expected <= len(self._waiting):
                self._expected = 0
                self._enough.release()
        if not mine.leads:
            mine.told.acquire()
        if mine.leads:
            self._lead()
        return mine.result()

    def _gather(self) -> None:
        self._times += 1
        lately = max(self._lately) + (self._times % ONE_MORE == 0)
        expected = min(lately, self._coming(len(self._waiting)))
        with self._lock:
            if len(self._waiting) >= expected:
                return
            self._expected, self._enough = expected, threading.Lock()
            self._enough.acquire()
        self._enough.acquire(timeout=max(PATIENCE_S, min(TIMES * min(self._took_s), LONGEST_S)))

    def _lead(self) -> None:
        try:
            self._gather()
        finally:  # whatever ends this thread while it waits, the others must not
            self._serve()

    def _serve(self) -> None:
        begun, taken = time.monotonic(), list[_Asked[Row, Done]]()
        try:
            with self._lock:
                self._expected = 0
                taken, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                self._lately.append(len(taken))
            self._do(taken)
        finally:
            self._took_s.append(time.monotonic() - begun)
            with self._lock:
                if not taken:
                    self._waiting.pop(0)  # this thread's own, which fails
                following = self._waiting[0] if self._waiting else None
                self._is_led = following is not None
            if following is not None:
                following.leads = True
                following.told.release()
            for asked in taken[1:]:  # the first is this thread's own
                asked.told.release()

    def _do(self, taken: Sequence[_Asked[Row, Done]]) -> None:
        try:
            done = self._act([asked.row for asked in taken])
        except Exception as exc:  # noqa: BLE001 (whatever it was, those who wait must be told)
            if len(taken) > 1 and not isinstance(exc, DATABASE_FAILED):
                for asked in taken:
                    self._do([asked])
                return
            for asked in taken:
                asked.error = exc
            return
        for asked, one in zip(taken, done, strict=True):
            asked.done.append(one)

"""
A second look at the lanes that slots have left, to offer what waits there.

Of some it is known that there is more. Of the others hardly ever: an event that comes while the last one of its lane is
being ended is not seen by that statement, and its wake-up may be spent on the lane meanwhile. The slot goes on with
another lane at once, and a moment later one look is made at all that were left by then.
"""

import logging
import os
import threading
import time
from uuid import UUID

from django.db import Error

from instagram_webhooks.inbox import wake_ups
from instagram_webhooks.inbox.line import RowBusy
from instagram_webhooks.worker import taking

log = logging.getLogger(__name__)

# Whose message came at the worst of moments waits for so long. Of two hundred lanes a second, four share a look.
AFTER_S = 0.02


class SecondLook:
    """The one of a process. Its thread starts at the first lane, and anew after a fork."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._left: set[UUID] = set()
        self._are_left = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def take(self, lane: UUID) -> None:
        """Looks at this lane in a moment; never waits, never fails."""
        with self._lock:
            self._left.add(lane)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="second-look", daemon=True)
                self._thread.start()
        self._are_left.set()

    def _run(self) -> None:
        while True:
            self._are_left.wait()
            time.sleep(AFTER_S)
            self._are_left.clear()
            self.flush()

    def flush(self) -> None:
        """Looks now at what is left."""
        with self._lock:
            lanes, self._left = self._left, set()
        if not lanes:
            return
        try:
            if found := taking.waiting(lanes):
                wake_ups.offer(found.values())
        except (Error, RowBusy) as exc:  # then the sweep offers it
            log.warning("second_look.failed", extra={"count": len(lanes), "error_class": type(exc).__name__})


second_look = SecondLook()

"""
A second look at the lanes that slots have left, to offer what waits there.

Of some it is known that there is more. Of the others hardly ever: an event that comes while the last one of its lane is
being ended is not seen by that statement, and its wake-up may be spent on the lane meanwhile. The slot goes on with
another lane at once, and a moment later one look is made at all that were left by then.
"""

import contextlib
import logging
import os
import threading
import time
from uuid import UUID

from instagram_webhooks.inbox import wake_ups
from instagram_webhooks.worker import taking

log = logging.getLogger(__name__)

# Whose message came at the worst of moments waits for so long. Of two hundred lanes a second, four share a look.
AFTER_S = 0.02
AGAIN_S = 1.0
LAST_WORDS_S = 1.0  # at the end of a process: a database that is frozen must not hold it up


class SecondLook:
    """The one of a process. Its thread starts at the first lane, and anew after a fork."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._left: set[UUID] = set()
        self._are_left = threading.Event()
        self._lock, self._looking = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None

    def take(self, lane: UUID) -> None:
        """Looks at this lane in a moment; never waits, never fails."""
        with self._lock:
            self._left.add(lane)
            self._are_left.set()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="second-look", daemon=True)
                with contextlib.suppress(RuntimeError):  # no room for a thread now; the next lane tries again
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._are_left.wait()
            time.sleep(AFTER_S)
            while not self._look(wait_s=-1):  # as long as it takes
                time.sleep(AGAIN_S)

    def flush(self) -> None:
        """Looks now at what is left, after the look under way; for the end of a process."""
        self._look(wait_s=LAST_WORDS_S)

    def _look(self, *, wait_s: float) -> bool:
        """Whether it could be done; waits for so long for another look."""
        if not self._looking.acquire(timeout=wait_s):
            return False
        lanes = set[UUID]()
        try:
            with self._lock:
                self._are_left.clear()
                lanes, self._left = self._left, set()
            if lanes and (found := taking.waiting(lanes)):
                wake_ups.offer(found.values())
        except Exception as exc:  # noqa: BLE001 (whatever it was: without this thread nobody looks any more)
            with self._lock:
                self._left |= lanes
            log.warning("second_look.failed", extra={"count": len(lanes), "error_class": type(exc).__name__})
            return False
        finally:
            self._looking.release()
        return True


second_look = SecondLook()

"""The watch of a worker's main process: over its pool's children, and over its own hearing."""

import logging
import threading
from collections.abc import Callable

from django.db import Error

from instagram_webhooks.inbox.wake_ups import Broker, BrokerAway
from instagram_webhooks.worker.children import Children
from instagram_webhooks.worker.deafness import Deafness
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.pulse import note_unwell
from instagram_webhooks.worker.transactions import drop_connection

log = logging.getLogger(__name__)

EVERY_S = 0.5


class Watch:
    """One daemon thread. `end` is called once, where this worker is deaf."""

    def __init__(self, *, end: Callable[[], None]) -> None:
        self._end = end
        self._children: Children | None = None
        self._deafness: Deafness | None = None
        self._broker = Broker()
        self._stopped = threading.Event()

    def start(self, *, children: Children | None, free_slots: Callable[[], int]) -> None:
        """Begins to watch the children of a pool of processes, and its own hearing of wake-ups.

        children: None where slots are threads.
        """
        self._children = children
        self._deafness = Deafness(ready=self._ready, free_slots=free_slots)
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """The loop ends after the look that it is at."""
        self._stopped.set()

    def heard(self) -> None:
        """The broker gave this worker a message."""
        if self._deafness is not None:
            self._deafness.heard()

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_S):
            try:
                self._look_after_children()
                if self._deafness is not None and self._deafness.is_certain() and not life.stopping.is_set():
                    log.critical("worker.deaf")
                    note_unwell("deaf")
                    self._end()
                    return
            except Exception:  # whatever it was, the next look may go well; this thread must not end
                log.exception("watch.failed")

    def _look_after_children(self) -> None:
        if self._children is None:
            return
        try:
            if lost := self._children.report_lost():
                log.warning("worker.child_lost", extra={"count": lost})
        except Error as exc:
            log.warning("database.away", extra={"error_class": type(exc).__name__})
        finally:
            drop_connection()  # the next child that is forked must not inherit it

    def _ready(self) -> int | None:
        try:
            return self._broker.depth()
        except BrokerAway:
            return None

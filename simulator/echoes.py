"""Tells the product of its own messages, as Meta does: an echo for each that was taken, of WhatsApp's a status."""

import contextlib
import heapq
import itertools
import threading
import time

from simulator import bodies
from simulator.client import NotDelivered, Sender
from simulator.exchange import Said
from simulator.settings import Echoing

MAX_WAITING = 10_000
TIMEOUT_S = 10.0


class Echoes:
    """Posts echoes when they are due, one after the other, on a thread of its own that starts with the first.

    One attempt each: whether an echo that the product did not take comes again is Meta's secret.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Said, Echoing]] = []
        self._places = itertools.count()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._under_way = 0
        self.posted = self.failed = self.dropped = 0

    def post(self, said: Said, to: Echoing) -> None:
        """Post one now and wait for the answer."""
        with self._wake:
            self._under_way += 1
        self._post(said, to)

    def _post(self, said: Said, to: Echoing) -> None:
        body = _told(said, to)
        is_taken = False
        try:
            with contextlib.suppress(NotDelivered), Sender(to.url, to.secret, timeout_s=TIMEOUT_S) as sender:
                is_taken = sender.post(body).status == 200
        finally:
            with self._wake:
                self._under_way -= 1
                self.posted += is_taken
                self.failed += not is_taken

    def post_later(self, said: Said, to: Echoing) -> None:
        """Have one posted when its delay is over."""
        with self._wake:
            if len(self._waiting) >= MAX_WAITING or self._is_closed:
                self.dropped += 1
                return
            due = time.monotonic() + max(to.delay_s, 0.0)
            heapq.heappush(self._waiting, (due, next(self._places), said, to))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="echoes", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            self._post(*due)

    def _next_due(self) -> tuple[Said, Echoing] | None:
        """The next echo, waited for and under way from now on; None at the end."""
        with self._wake:
            while not self._is_closed:
                left_s = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left_s is not None and left_s <= 0:
                    self._under_way += 1
                    return heapq.heappop(self._waiting)[2:]
                self._wake.wait(left_s)
        return None

    def clear(self) -> None:
        """Forget those that wait, and the counts."""
        with self._wake:
            self._waiting.clear()
            self.posted = self.failed = self.dropped = 0

    def counts(self) -> dict[str, int]:
        """waiting: for their time, or for the answer of whoever they are posted to."""
        with self._wake:
            waiting = len(self._waiting) + self._under_way
            return {
                "posted": self.posted,
                "failed": self.failed,
                "waiting": waiting,
                "dropped": self.dropped,
            }

    def close(self) -> None:
        """No echo is posted after this but one under way."""
        with self._wake:
            self._is_closed = True
            self._waiting.clear()
            self._wake.notify_all()


def _told(said: Said, to: Echoing) -> bodies.Json:
    at_ms, now_ms = int(said.at_s * 1000), int(time.time() * 1000)
    if said.is_whatsapp:
        return bodies.status_body(to.status, recipient=said.person.lstrip("+"), account=said.account, mid=said.mid,
                                  at_ms=at_ms, metadata=said.metadata)  # fmt: skip
    metadata = said.metadata if to.provider == "facebook" else ""
    item = bodies.echo(said.text, recipient=said.person, account=said.account, mid=said.mid, at_ms=at_ms,
                       metadata=metadata)  # fmt: skip
    return bodies.messaging_body([item], account=said.account, at_ms=now_ms, provider=to.provider)

"""What is posted: signed bodies of messages of many conversations, in the order of their times."""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

from simulator import bodies
from simulator.meta_wire import headers, wire
from tests.processes.process import CHECKOUT
from tests.processes.product import ACCOUNT, SECRET, a_sender

CONVERSATIONS, TEXT = 500, "Is the blue one still there?"
LOAD_S = 300


class Incomplete(Exception):
    """A POST was not answered with 200, or what was sent is not what was stored, processed and replied to."""


class Crowd:
    """The customers of one column: each writes once in each round of all, in random order.

    due: how many replies each of them is due. times: when each was due to be posted, of the last POSTs at a rate.
    """

    def __init__(self) -> None:
        self._people = [a_sender() for _ in range(CONVERSATIONS)]
        self._last_ms = 0
        self.due: Counter[str] = Counter()
        self.times: dict[str, float] = {}

    def post(self, port: int, *, events: int, batch: int = 1, connections: int = 8) -> dict[str, Any]:
        """What the load generator saw of so many events, `batch` a POST, posted as fast as they are answered."""
        return _sent(self._lines(events, batch, people=self._people), port, connections)

    def post_at(self, port: int, *, events: int, rate: float) -> dict[str, Any]:
        """As `post`, so many a second, each of a customer who was never heard of."""
        people = [a_sender() for _ in range(events)]
        seen = _sent(self._lines(events, 1, people=people), port, 16, rate)
        self.times = {sender: seen["begun"] + number / rate for number, sender in enumerate(people)}
        return seen

    def _lines(self, events: int, batch: int, *, people: list[str]) -> list[bytes]:
        start, lines, items = max(time.time_ns() // 10**6, self._last_ms + 1), [], []
        for number in range(events):
            if people is self._people and number % CONVERSATIONS == 0:
                random.shuffle(people)
            self._last_ms = start + number // CONVERSATIONS  # ascending in a conversation, and never ahead of the clock
            sender = people[number % len(people)]
            self.due[sender] += 1
            mid = f"aWdfZAG1f{random.getrandbits(192):048x}"
            items.append(bodies.message(TEXT, sender=sender, account=ACCOUNT, mid=mid, at_ms=self._last_ms))
            if len(items) == batch or number == events - 1:
                lines.append(_line(items, self._last_ms))
                items = []
        return lines


def _line(items: list[dict[str, Any]], at_ms: int) -> bytes:
    raw = wire(bodies.messaging_body(items, account=ACCOUNT, at_ms=at_ms))
    return headers(raw, SECRET)["X-Hub-Signature-256"].encode() + b"\t" + raw


def _sent(lines: list[bytes], port: int, connections: int, rate: float = 0.0) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(lines))
        file.flush()
        command = [sys.executable, "-m", "benchmarks.load", file.name, str(port), str(connections), str(rate)]
        told = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=LOAD_S, check=False)
    if told.returncode:
        raise Incomplete(f"the load generator ended: {told.stderr.strip().splitlines()[-1:]}")
    seen: dict[str, Any] = json.loads(told.stdout)
    if seen["refused"]:
        raise Incomplete(f"{len(seen['refused'])} POSTs were answered with {sorted(set(seen['refused']))}")
    return seen

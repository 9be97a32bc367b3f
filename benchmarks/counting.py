"""
`python -m benchmarks.counting`: what it costs the door to count for Prometheus.

Two processes of the same program differ by more than is looked for. So one process takes the same webhooks in turns
with counting and without, hundreds at a time, and what it used is compared within each pair. The HTTP server's part of
a request is not in it, so the ratio is larger than that of web as a whole.
"""

import argparse
import gc
import io
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import tables
from benchmarks.installation import installation
from simulator.meta_wire import headers, wire
from tests.processes.product import SECRET, a_message

AT_ONCE, CONNECTIONS = 600, 32
WSGI = {
    "REQUEST_METHOD": "POST", "PATH_INFO": "/webhooks/instagram", "QUERY_STRING": "", "SERVER_NAME": "here",
    "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
}  # fmt: skip


def main() -> None:
    """Prints CPU ms an event without and with, and the ratio within each pair."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__)
    parser.add_argument("--pairs", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, installation() as place:
        more = {"LOG_LEVEL": "ERROR", "PROMETHEUS_MULTIPROC_DIR": folder}
        os.environ.update(place.product.environ | more)
        found = _measured(given.pairs)
    without, counting = (list(column) for column in zip(*found, strict=True))
    more_us = statistics.median((both - alone) * 1000 for alone, both in found)
    ratio = statistics.median(both / alone for alone, both in found)
    print(f"{given.pairs} pairs; without {tables.spread(without)}, counting {tables.spread(counting)} ms an event;"
          f" of the pairs the median: {more_us:.1f} µs more, ratio {ratio:.3f}")  # fmt: skip


def _measured(pairs: int) -> list[tuple[float, float]]:
    from instagram_webhooks.metrics import files
    from webhooks_project.wsgi import application

    def counting() -> float:
        files.begin()
        used = _cpu_ms(application)
        files.end()
        return used

    turns: list[Callable[[], float]] = [lambda: _cpu_ms(application), counting]
    for warm in turns:
        warm()
    found = []
    for number in range(pairs):
        order = (0, 1) if number % 2 else (1, 0)
        used = {which: turns[which]() for which in order}
        found.append((used[0], used[1]))
    return found


def _cpu_ms(application: Any) -> float:
    """An event, with one a POST; of this process alone, its clients' part left out."""
    bodies = [wire(a_message()) for _ in range(AT_ONCE)]
    signed = [(raw, dict(headers(raw, SECRET))["X-Hub-Signature-256"]) for raw in bodies]
    gc.collect()  # what was made to begin to count is no cost of counting
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        begun = time.process_time()
        statuses = set(itertools.chain.from_iterable(pool.map(lambda each: _post(application, *each), signed)))
        used = time.process_time() - begun
    assert statuses == {"200 OK"}, statuses
    return used / AT_ONCE * 1000


def _post(application: Any, raw: bytes, signature: str) -> list[str]:
    statuses: list[str] = []
    sent = {"wsgi.input": io.BytesIO(raw), "CONTENT_LENGTH": str(len(raw)), "HTTP_X_HUB_SIGNATURE_256": signature}
    b"".join(application(WSGI | sent, lambda status, _: statuses.append(status)))
    return statuses


if __name__ == "__main__":
    main()

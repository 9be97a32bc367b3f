"""
`python -m benchmarks.growth --stored 10000000`: whether an event costs the same beside many that were stored before.

The cells of `make bench` beside 10,000 stored events and beside as many as told, by turns, and how long a sweep looks
for what is due. Tens of gigabytes of disk and half an hour for ten million.
"""

import argparse
import os
import statistics
import time
from typing import Any

os.environ["DJANGO_DEBUG"] = "true"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")

import psycopg

from benchmarks import cells, stored
from benchmarks.column import Column
from benchmarks.installation import installation
from benchmarks.ours import Ours
from instagram_webhooks.inbox.sweep import DUE

FEW = 10_000


def main() -> None:
    """Prints a table in Markdown: beside few, beside many, and the ratio of the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--stored", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=2, help="a thousand or so events each")
    given = parser.parse_args()
    found = {count: _beside(count, given) for count in (FEW, given.stored)}
    few, many = found[FEW], found[given.stored]
    print(f"| | beside {FEW:,} | beside {given.stored:,} | ratio |\n| --- | --- | --- | --- |")
    for figure in few:
        a, b = statistics.median(few[figure]), statistics.median(many[figure])
        print(f"| {figure} | {a:.3g} | {b:.3g} | {b / a:.2f} |")


def _beside(count: int, given: argparse.Namespace) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    with installation() as place, psycopg.connect(place.product.database_url, autocommit=True) as connection:
        begun = time.monotonic()
        stored.load(connection, count)
        print(f"{count:,} loaded in {time.monotonic() - begun:.0f} s", flush=True)
        for table, (rows, indexes) in stored.sizes(connection).items():
            print(f"    {table}: {rows / count:.0f} bytes an event, indexes {indexes / count:.0f}", flush=True)
        for _ in range(given.rounds):
            for name, value in _round(Ours(place, slots=50), connection, given.size).items():
                found.setdefault(name, []).append(value)
    return found


def _round(column: Column, connection: Any, size: int) -> dict[str, float]:
    posted = cells.posting(column, batch=1, connections=32, events=1000 * size)
    figures = {f"door, 1 event a POST: {name}": value for name, value in posted.items()}
    drained = cells.draining(column, events=800 * size)
    figures |= {f"worker, 50 slots: {name}": value for name, value in drained.items()}
    values = {"gate": 30.0, "limit": 500}
    times = []
    for _ in range(21):
        begun = time.perf_counter()
        connection.execute(DUE, values)
        times.append((time.perf_counter() - begun) * 1000)
    return figures | {"sweep, nothing due: ms": statistics.median(times)}


if __name__ == "__main__":
    main()

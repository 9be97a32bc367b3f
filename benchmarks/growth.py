"""
`python -m benchmarks.growth --stored 10000000`: whether an event costs the same beside many that were stored before.

The cells of `make bench` beside 10,000 stored events and beside as many as told, and how long a sweep looks for what is
due. PostgreSQL has as much memory of its own as told, and beside many it is measured with its default too; each time it
begins with nothing in it, after a checkpoint. Tens of gigabytes of disk and half an hour for ten million.
"""

import argparse
import os
import statistics
import time
from typing import Any

os.environ["DJANGO_DEBUG"] = "true"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")

import psycopg

from benchmarks import cells, cpu, stored
from benchmarks.column import Column
from benchmarks.installation import Place, installation
from benchmarks.ours import Ours
from instagram_webhooks.inbox.sweep import DUE

FEW = 10_000
DEFAULT_MB = 128  # of PostgreSQL's shared_buffers
# While rows are loaded. What is measured follows a checkpoint, after which each page is logged whole once.
_LOADING = {"max_wal_size": "16GB", "full_page_writes": "off"}


def main() -> None:
    """Prints a table in Markdown: beside few, beside many, and the ratios of the medians to those beside few."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--stored", type=int, default=10_000_000)
    parser.add_argument("--memory-mb", type=int, default=8192, help="PostgreSQL's shared_buffers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=2, help="a thousand or so events each")
    given = parser.parse_args()
    (few,) = _beside(FEW, given, [given.memory_mb])
    many, frugal = _beside(given.stored, given, [given.memory_mb, DEFAULT_MB])
    print(f"| | beside {FEW:,} | beside {given.stored:,} | ratio | with {DEFAULT_MB} MB | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for figure, values in few.items():
        base = statistics.median(values)
        print(f"| {figure} | {base:.3g} | {_beside_few(many[figure], base)} | {_beside_few(frugal[figure], base)} |")


def _beside_few(values: list[float], base: float) -> str:
    """Their median, and its ratio where there is one."""
    found = statistics.median(values)
    return f"{found:.3g} | {found / base:.2f}" if base else f"{found:.3g} | "


def _beside(count: int, given: argparse.Namespace, memories_mb: list[int]) -> list[dict[str, list[float]]]:
    """The figures beside so many, with each of these sizes of PostgreSQL's memory; loaded with the first."""
    found: list[dict[str, list[float]]] = []
    with installation() as place:
        with _restarted(place, memories_mb[0]) as connection:
            _load(connection, count)
        for memory_mb in memories_mb:
            with _restarted(place, memory_mb) as connection:
                rounds = [_round(Ours(place, slots=50), connection, given.size) for _ in range(given.rounds)]
                found.append({name: [each[name] for each in rounds] for name in rounds[0]})
    return found


def _restarted(place: Place, memory_mb: int) -> Any:
    """A connection to PostgreSQL, which has so much memory from now on."""
    with psycopg.connect(place.product.database_url, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET shared_buffers = '{memory_mb}MB'")
        connection.execute("CHECKPOINT")  # so that it stops at once
    place.product.postgres.stop()
    place.product.postgres.start()
    cpu.pin(place.product.postgres.pid, cpu.ALL_ELSE)
    return psycopg.connect(place.product.database_url, autocommit=True)


def _load(connection: Any, count: int) -> None:
    begun = time.monotonic()
    for name, value in _LOADING.items():
        connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
    connection.execute("SELECT pg_reload_conf()")
    stored.load(connection, count)
    for name in _LOADING:
        connection.execute(f"ALTER SYSTEM RESET {name}")
    connection.execute("SELECT pg_reload_conf()")
    print(f"{count:,} loaded in {time.monotonic() - begun:.0f} s", flush=True)
    for table, (rows, indexes) in stored.sizes(connection).items():
        print(f"    {table}: {rows / count:.0f} bytes an event, indexes {indexes / count:.0f}", flush=True)


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

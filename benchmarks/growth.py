"""
`python -m benchmarks.growth --stored 10000000`: whether an event costs the same beside many that were stored before.

The cells of `make bench` beside 10,000 stored events and beside as many as told, by turns, and how long a sweep looks
for what is due. PostgreSQL has as much memory of its own as told, with all indexes in it as where it has run for a
while, and then its default with nothing in it. Either begins after a checkpoint. Tens of gigabytes of disk and memory
and half an hour for ten million.
"""

import argparse
import os
import statistics
import time
from typing import Any

os.environ["DJANGO_DEBUG"] = "true"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")

import psycopg

from benchmarks import cells, cpu, stored, tables
from benchmarks.column import Column
from benchmarks.installation import Place, installation
from benchmarks.ours import Ours
from instagram_webhooks.inbox.sweep import DUE

FEW = 10_000
DEFAULT_MB = 128  # of PostgreSQL's shared_buffers
# While rows are loaded. What is measured follows a checkpoint, after which each page is logged whole once.
_LOADING = {"max_wal_size": "16GB", "full_page_writes": "off"}


def main() -> None:
    """Prints a table in Markdown for each size of memory: beside few, beside many, and the ratio within each round."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--stored", type=int, default=10_000_000)
    parser.add_argument("--memory-mb", type=int, default=12_288, help="PostgreSQL's shared_buffers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=5, help="a thousand or so events each")
    given = parser.parse_args()
    with installation() as few, installation() as many:
        for place, count in ((few, FEW), (many, given.stored)):
            with _restarted(place, given.memory_mb) as connection:
                _load(connection, count)
        for memory_mb in (given.memory_mb, DEFAULT_MB):
            found: tuple[list[cells.Figures], list[cells.Figures]] = ([], [])
            with _restarted(few, memory_mb) as beside_few, _restarted(many, memory_mb) as beside_many:
                if memory_mb > DEFAULT_MB:
                    stored.warm(beside_few)
                    stored.warm(beside_many)
                for _ in range(given.rounds):
                    found[0].append(_round(Ours(few, slots=50), beside_few, given.size))
                    found[1].append(_round(Ours(many, slots=50), beside_many, given.size))
            print(f"| shared_buffers {memory_mb} MB | beside {FEW:,} | beside {given.stored:,} | ratio |")
            print("| --- | --- | --- | --- |")
            for name in found[0][0]:
                few_of, many_of = ([each[name] for each in rounds] for rounds in found)
                ratio = tables.spread(tables.ratios(many_of, few_of))
                print(f"| {name} | {tables.spread(few_of)} | {tables.spread(many_of)} | {ratio} |", flush=True)


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

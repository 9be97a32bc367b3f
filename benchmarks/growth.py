"""
`python -m benchmarks.growth --stored 10000000`: whether an event costs the same beside many that were stored before.

The cells of `make bench` beside 10,000 stored events and beside as many as told, by turns, and how long a sweep looks
for what is due; in each of STATES. Tens of gigabytes of disk and memory and half an hour for ten million.
"""

import argparse
import os
import statistics
import time
from dataclasses import dataclass
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
_LOADING = {"max_wal_size": "16GB", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class State:
    """PostgreSQL as it is found. warm: it has the memory that was told, with all indexes in it as where it has run for
    a while; else its default, with nothing in it. logged: every page has been logged whole since the last checkpoint,
    as it is long after one; else each is at its first touch. Where it runs, it stands between the two.
    """

    name: str
    is_warm: bool
    is_logged: bool


STATES = (
    State("warm, after a checkpoint", is_warm=True, is_logged=False),
    State("warm, long after a checkpoint", is_warm=True, is_logged=True),
    State("cold, after a checkpoint", is_warm=False, is_logged=False),
)


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
        for state in STATES:
            found = _measured(state, few, many, given)
            print(f"| {state.name} | beside {FEW:,} | beside {given.stored:,} | ratio |\n| --- | --- | --- | --- |")
            for name in found[0][0]:
                few_of, many_of = ([each[name] for each in rounds] for rounds in found)
                ratio = tables.spread(tables.ratios(many_of, few_of))
                print(f"| {name} | {tables.spread(few_of)} | {tables.spread(many_of)} | {ratio} |", flush=True)


def _measured(state: State, few: Place, many: Place, given: argparse.Namespace) -> tuple[list[cells.Figures], ...]:
    """The figures of all rounds beside few, and those beside many."""
    memory_mb = given.memory_mb if state.is_warm else DEFAULT_MB
    logging = {"full_page_writes": "off"} if state.is_logged else {}
    found: tuple[list[cells.Figures], ...] = ([], [])
    with _restarted(few, memory_mb, **logging) as beside_few, _restarted(many, memory_mb, **logging) as beside_many:
        if state.is_warm:
            stored.warm(beside_few)
            stored.warm(beside_many)
        for _ in range(given.rounds):
            found[0].append(_round(Ours(few, slots=50), beside_few, given.size))
            found[1].append(_round(Ours(many, slots=50), beside_many, given.size))
    return found


def _restarted(place: Place, memory_mb: int, **settings: str) -> Any:
    """A connection to PostgreSQL, which has so much memory from now on, and these settings and no others."""
    with psycopg.connect(place.product.database_url, autocommit=True) as connection:
        for name in _LOADING:
            connection.execute(f"ALTER SYSTEM RESET {name}")
        for name, value in {"shared_buffers": f"{memory_mb}MB", **settings}.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
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

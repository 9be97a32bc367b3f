"""
`python -m benchmarks.growth --stored 10000000`: whether an event costs the same beside many that were stored before.

The cells of `make bench` beside 10,000 stored events and beside as many as told, by turns, and how long a sweep looks
for what is due; in each of STATES. Tens of gigabytes of disk and memory and half an hour for ten million. Huge pages
have to be there before: for the memory as it is by default, `sysctl vm.nr_hugepages=6900`.
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
FEW_MB, DEFAULT_MB = 1_024, 128  # of PostgreSQL's shared_buffers: enough for few, and as it comes
_LOADING = {"max_wal_size": "16GB", "full_page_writes": "off"}
_MEASURING = {"autovacuum": "off"}  # beside few it would come between, and take away what a sweep has to step over


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
    """Prints a table in Markdown for each state: beside few, beside many, and the ratio within each round."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--stored", type=int, default=10_000_000)
    parser.add_argument("--memory-mb", type=int, default=12_288, help="PostgreSQL's shared_buffers")
    parser.add_argument("--huge-pages", action="store_true", help="PostgreSQL's memory in them, where warm")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=5, help="a thousand or so events each")
    given = parser.parse_args()
    with installation() as few, installation() as many:
        for place, count, memory_mb in ((few, FEW, FEW_MB), (many, given.stored, given.memory_mb)):
            with _restarted(place, memory_mb, huge_pages=_on(given.huge_pages)) as connection:
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
    few_mb, many_mb = (FEW_MB, given.memory_mb) if state.is_warm else (DEFAULT_MB, DEFAULT_MB)
    settings = _MEASURING | {
        "full_page_writes": _on(not state.is_logged),
        "huge_pages": _on(given.huge_pages and state.is_warm),
    }
    found: tuple[list[cells.Figures], ...] = ([], [])
    with _restarted(few, few_mb, **settings) as beside_few, _restarted(many, many_mb, **settings) as beside_many:
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
        connection.execute("VACUUM")
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
    figures = {f"door, 1 event a POST: {name}": value for name, value in (posted | _of_all(posted)).items()}
    drained = cells.draining(column, events=800 * size)
    figures |= {f"worker, 50 slots: {name}": value for name, value in (drained | _of_all(drained)).items()}
    cursor, times = psycopg.ClientCursor(connection), []  # as Django has it: planned each time
    for _ in range(21):
        begun = time.perf_counter()
        cursor.execute(DUE, {"gate": 30.0, "limit": 500})
        times.append((time.perf_counter() - begun) * 1000)
    return figures | {"sweep, nothing due: ms": statistics.median(times)}


def _on(wanted: bool) -> str:
    return "on" if wanted else "off"


def _of_all(figures: cells.Figures) -> cells.Figures:
    return {"all processes": sum(figures[name] for name in ("application", "PostgreSQL", "Redis"))}


if __name__ == "__main__":
    main()

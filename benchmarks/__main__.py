"""`make bench`: what an event costs on this machine, of this product and of others that do the same job."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

os.environ["DJANGO_DEBUG"] = "true"

from benchmarks import cells, tables
from benchmarks.column import Column
from benchmarks.installation import installation
from benchmarks.ours import Ours
from benchmarks.peers import environments
from benchmarks.peers.columns import Express, Fastify, Tutorial

COLUMNS: dict[str, type[Column]] = {column.name: column for column in (Ours, Express, Fastify, Tutorial)}
NEED_NODE = {"E", "F"}
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One table. events, slow: how many a column gets, and a slow one, each at size 1."""

    title: str
    run: Callable[..., cells.Figures]
    events: int
    slow: int
    given: dict[str, float] = field(default_factory=dict)
    slots: int = 1
    latency_ms: int = 0


CELLS = {
    "door-1": Cell(
        title="Door, 1 event a POST, 32 connections",
        run=cells.door, events=1500, slow=150, given={"batch": 1, "connections": 32},
    ),
    "door-100": Cell(
        title="Door, 100 events a POST, 8 connections",
        run=cells.door, events=4000, slow=800, given={"batch": 100, "connections": 8},
    ),
    "worker-5": Cell(title="Worker, 5 slots", run=cells.worker, events=800, slow=100, slots=5),
    "worker-50": Cell(title="Worker, 50 slots", run=cells.worker, events=1200, slow=150, slots=50),
    "worker-5-slow-graph": Cell(
        title="Worker, 5 slots, replies take 200 ms (ceiling 25/s)",
        run=cells.worker, events=50, slow=50, slots=5, latency_ms=200,
    ),
    "worker-50-slow-graph": Cell(
        title="Worker, 50 slots, replies take 200 ms (ceiling 250/s)",
        run=cells.worker, events=800, slow=100, slots=50, latency_ms=200,
    ),
    "end-to-end": Cell(
        title="End to end, 20 events/s, 5 slots",
        run=cells.end_to_end, events=60, slow=60, given={"rate": 20}, slots=5,
    ),
}  # fmt: skip
Found = dict[str, dict[str, list[cells.Figures | None]]]


def main() -> int:
    """Prints a table a cell, and what was not complete; 1 where anything was not."""
    given = _given()
    for number in STOPS:
        signal.signal(number, _stop)
    try:
        _prepare(given.columns)
    except environments.NotMade as error:
        sys.exit(str(error))
    found, faults = _measured(given)
    print("\n\n".join(tables.table(CELLS[name].title, columns) for name, columns in found.items()))
    if faults:
        print("\nNot complete, and left out of the figures:\n\n" + "\n".join(f"- {fault}" for fault in faults))
    return 1 if faults else 0


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=float, default=1, help="1: a thousand or so events each, T fewer")
    parser.add_argument("--columns", nargs="+", choices=COLUMNS, help="all; without Node all but E and F")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    given = parser.parse_args()
    has_node = environments.has_node()
    if given.columns is None:
        given.columns = [name for name in COLUMNS if has_node or name not in NEED_NODE]
    if NEED_NODE & set(given.columns) and not has_node:
        parser.error(f"E and F need Node {environments.NODE} or newer, and npm")
    return given


def _prepare(columns: list[str]) -> None:
    """Makes what the columns run on before anything is measured."""
    if NEED_NODE & set(columns):
        environments.node_modules()
    if "T" in columns:
        environments.python()


def _measured(given: argparse.Namespace) -> tuple[Found, list[str]]:
    """Round robin: each round runs each cell with each column; which of them is first turns by one each round."""
    found: Found = {name: {column: [] for column in given.columns} for name in given.cells}
    faults = []
    for number in range(given.rounds):
        first = number % len(given.columns)
        for name in given.cells:
            with installation(latency_ms=CELLS[name].latency_ms) as place:
                for column in given.columns[first:] + given.columns[:first]:
                    begun = time.monotonic()
                    figures, fault = _figures(CELLS[name], COLUMNS[column](place, slots=CELLS[name].slots), given.size)
                    found[name][column].append(figures)
                    faults += [f"round {number + 1}, {name}, {column}: {fault}"] if fault else []
                    told = f"round {number + 1}, {name}, {column}: {time.monotonic() - begun:.0f} s {fault}"
                    print(told, file=sys.stderr, flush=True)
    return found, faults


def _figures(cell: Cell, column: Column, size: float) -> tuple[cells.Figures | None, str]:
    """The figures, or why there are none."""
    try:
        column.open()
        return cell.run(column, events=round((cell.slow if column.is_slow else cell.events) * size), **cell.given), ""
    except Exception as error:  # noqa: BLE001 - one column that breaks leaves the others their figures
        return None, f"{type(error).__name__}: {error}"
    finally:
        column.close()


def _stop(*_: object) -> None:
    """Unwinds, so that all that runs is ended; a second signal does not disturb that."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit("stopped")


if __name__ == "__main__":
    sys.exit(main())

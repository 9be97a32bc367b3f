"""
`python -m benchmarks.several`: what an event costs where several worker processes share the queue, and what they bring.

One core for all of them, so with a Graph API that answers at once only the cost says something; with one that takes
200 ms the slots are what is short, and two processes do twice as much. What turns on a core cost by themselves stands
under it (benchmarks.turns), and where Node is at hand what another program costs that is run in the same way.
"""

import argparse
import os
from dataclasses import dataclass

os.environ["DJANGO_DEBUG"] = "true"

from benchmarks import cells, tables, turns
from benchmarks.column import Column
from benchmarks.installation import installation
from benchmarks.ours import Ours
from benchmarks.peers import environments
from benchmarks.peers.columns import Express

SLOTS = 5
FIGURES = ("application", "PostgreSQL", "events/s")


@dataclass(frozen=True, slots=True)
class Run:
    """So many worker processes of a column, ms of a call to Meta, and events at size 1."""

    column: type[Column]
    workers: int
    latency_ms: int
    events: int

    @property
    def of_one(self) -> "Run":
        """What it is compared with."""
        return next(run for run in RUNS if (run.column, run.latency_ms) == (self.column, self.latency_ms))


RUNS = (
    *(Run(column, workers, 0, 1000) for column in (Ours, Express) for workers in (1, 2, 16)),
    Run(Ours, 1, 200, 100),
    Run(Ours, 2, 200, 200),
)


def main() -> None:
    """Prints two tables in Markdown: the figures, and after them their ratios to those of one process; and turns."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.several", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=float, default=2)
    given = parser.parse_args()
    if environments.has_node():
        environments.node_modules()
    found: dict[Run, list[cells.Figures]] = {run: [] for run in RUNS if run.column is Ours or environments.has_node()}
    for _ in range(given.rounds):
        for run, figures in found.items():
            figures.append(_measured(run, round(run.events * given.size)))
    print("| workers of 5 slots, ms of a call | application | PostgreSQL | events/s |\n| --- | ---: | ---: | ---: |")
    for run, rounds in found.items():
        cost = [_beside_one(rounds, found[run.of_one], figure) for figure in FIGURES]
        print(f"| {run.column.name}: {run.workers}, {run.latency_ms} ms | {' | '.join(cost)} |")
    print()
    turns.main()


def _measured(run: Run, events: int) -> cells.Figures:
    with installation(latency_ms=run.latency_ms) as place:
        column = run.column(place, slots=SLOTS)
        column.open()
        try:
            return cells.draining(column, events=events, workers=run.workers)
        finally:
            column.close()


def _beside_one(rounds: list[cells.Figures], of_one: list[cells.Figures], figure: str) -> str:
    """The figures, and their ratios to those of one process within each round."""
    values, ones = ([each[figure] for each in those] for those in (rounds, of_one))
    return f"{tables.spread(values)}; {tables.spread(tables.ratios(values, ones))}"


if __name__ == "__main__":
    main()

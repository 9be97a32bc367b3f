"""
`python -m benchmarks.several`: what an event costs where several worker processes share the queue, and what they bring.

On all cores, as where it is installed; with each kept to a core; and all on one core, which no installation would do:
where the Graph API answers at once that says what it costs to take turns, and where it takes 200 ms the slots are what
is short, and two processes do twice as much. What turns on a core cost by themselves stands under it
(benchmarks.turns), and where Node is at hand what another program costs that is run in the same way.
"""

import argparse
import os
from dataclasses import dataclass

os.environ["DJANGO_DEBUG"] = "true"

from benchmarks import cells, tables, turns
from benchmarks.column import Column
from benchmarks.installation import Cores, installation
from benchmarks.ours import Ours
from benchmarks.peers import environments
from benchmarks.peers.columns import Express

FIGURES = ("application", "PostgreSQL", "events/s")


@dataclass(frozen=True, slots=True)
class Run:
    """So many worker processes of a column. latency_ms: of a call to Meta; events: at size 1."""

    column: type[Column]
    cores: Cores
    workers: int
    slots: int = 5
    latency_ms: int = 0
    events: int = 1000

    @property
    def of_one(self) -> "Run":
        """What it is compared with: the first of its kind."""
        return next(run for run in RUNS if run._kind == self._kind)

    @property
    def _kind(self) -> tuple[object, ...]:
        return self.column, self.cores, self.slots, self.latency_ms

    def __str__(self) -> str:
        call = f", calls of {self.latency_ms} ms" if self.latency_ms else ""
        return f"{self.column.name}, {self.cores.value}: {self.workers} of {self.slots} slots{call}"


RUNS = (
    *(Run(column, Cores.ALL, workers) for column in (Ours, Express) for workers in (1, 2, 16)),
    *(Run(Ours, Cores.ALL, workers, slots=50) for workers in (1, 2, 16)),
    *(Run(Ours, Cores.OWN, workers, slots=slots) for slots in (5, 50) for workers in (1, 2)),
    *(Run(column, Cores.APART, workers) for column in (Ours, Express) for workers in (1, 2, 16)),
    Run(Ours, Cores.APART, 1, latency_ms=200, events=100),
    Run(Ours, Cores.APART, 2, latency_ms=200, events=200),
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
    print("| workers | application | PostgreSQL | events/s |\n| --- | ---: | ---: | ---: |")
    for run, rounds in found.items():
        cost = [_beside_one(rounds, found[run.of_one], figure) for figure in FIGURES]
        print(f"| {run} | {' | '.join(cost)} |")
    print()
    turns.main()


def _measured(run: Run, events: int) -> cells.Figures:
    with installation(latency_ms=run.latency_ms, cores=run.cores) as place:
        column = run.column(place, slots=run.slots)
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

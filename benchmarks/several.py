"""
`python -m benchmarks.several`: what an event costs where several worker processes share the queue, and what they bring.

One core for all of them, so with a Graph API that answers at once only the cost says something; with one that takes
200 ms the slots are what is short, and two processes do twice as much.
"""

import argparse
import os

os.environ["DJANGO_DEBUG"] = "true"

from benchmarks import cells, tables
from benchmarks.installation import installation
from benchmarks.ours import Ours

SLOTS = 5
# Worker processes, ms of a call to Meta, events at size 1.
RUNS = ((1, 0, 1000), (2, 0, 1000), (16, 0, 1000), (1, 200, 100), (2, 200, 200))
FIGURES = ("application", "PostgreSQL", "events/s")


def main() -> None:
    """Prints a table in Markdown: the figures, and after them their ratios to those of one process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.several", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=float, default=2)
    given = parser.parse_args()
    found: dict[tuple[int, int], list[cells.Figures]] = {(workers, ms): [] for workers, ms, _ in RUNS}
    for _ in range(given.rounds):
        for workers, latency_ms, events in RUNS:
            with installation(latency_ms=latency_ms) as place:
                column = Ours(place, slots=SLOTS)
                column.open()
                figures = cells.draining(column, events=round(events * given.size), workers=workers)
                found[workers, latency_ms].append(figures)
    print("| workers of 5 slots, ms of a call | application | PostgreSQL | events/s |\n| --- | ---: | ---: | ---: |")
    for (workers, latency_ms), rounds in found.items():
        cost = [_beside_one(rounds, found[1, latency_ms], figure) for figure in FIGURES]
        print(f"| {workers}, {latency_ms} ms | {' | '.join(cost)} |")


def _beside_one(rounds: list[cells.Figures], of_one: list[cells.Figures], figure: str) -> str:
    """The figures, and their ratios to those of one process within each round."""
    values, ones = ([each[figure] for each in those] for those in (rounds, of_one))
    return f"{tables.spread(values)}; {tables.spread(tables.ratios(values, ones))}"


if __name__ == "__main__":
    main()

"""`make bench`: what an event costs on this machine, by the median of some rounds."""

import argparse
import os
import statistics
from collections.abc import Callable

os.environ["DJANGO_DEBUG"] = "true"

from benchmarks import cells

CELLS: dict[str, Callable[[int], dict[str, float]]] = {
    "door, 1 event a POST, 32 connections": lambda size: cells.door(batch=1, connections=32, events=1000 * size),
    "door, 100 events a POST, 8 connections": lambda size: cells.door(batch=100, connections=8, events=4000 * size),
    "worker, 5 slots": lambda size: cells.worker(slots=5, events=500 * size),
    "worker, 50 slots": lambda size: cells.worker(slots=50, events=800 * size),
}


def main() -> None:
    """Prints a table in Markdown: the median, and in brackets the least and the greatest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=3, help="a thousand or so events each")
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in CELLS}
    for _ in range(given.rounds):
        for name, cell in CELLS.items():
            found[name].append(cell(given.size))
    figures = ("application", "PostgreSQL", "events/s", "p99 ms")
    print("| CPU ms an event | application | PostgreSQL | events/s | p99 ms |\n| --- | --- | --- | --- | --- |")
    for name, rounds in found.items():
        print(
            f"| {name} |",
            " | ".join(_shown([one[figure] for one in rounds if figure in one]) for figure in figures),
            "|",
        )


def _shown(values: list[float]) -> str:
    if not values:
        return "–"
    median, least, most = (
        f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        for value in (statistics.median(values), min(values), max(values))
    )
    return f"{median} ({least} to {most})"


if __name__ == "__main__":
    main()

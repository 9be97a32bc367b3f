"""`python -m benchmarks.counting`: what it costs the door to count for Prometheus, beside the same door without."""

import argparse
import os

os.environ["DJANGO_DEBUG"] = "true"

from benchmarks import cells, tables
from benchmarks.installation import installation
from benchmarks.ours import Ours
from tests.processes.process import Process

TOKEN = "nobody-scrapes-here"  # noqa: S105 - it opens nothing


class Counting(Ours):
    """The product with METRICS_TOKEN set."""

    name = "counting"

    def web(self) -> Process:
        """Its web process."""
        return self.started(self.place.product.web(METRICS_TOKEN=TOKEN))


def main() -> None:
    """Prints CPU ms an event of both and their ratio within each round; which goes first turns by one each round."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.counting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=float, default=2)
    given = parser.parse_args()
    found: dict[type[Ours], list[float]] = {Ours: [], Counting: []}
    with installation() as place:
        for number in range(given.rounds):
            for column in list(found)[:: 1 if number % 2 else -1]:
                found[column].append(_cpu_ms(column(place), events=round(1500 * given.size)))
    without, counting = found.values()
    print(f"without {tables.spread(without)}, counting {tables.spread(counting)} ms an event;"
          f" ratio {tables.spread(tables.ratios(counting, without))}")  # fmt: skip


def _cpu_ms(column: Ours, *, events: int) -> float:
    """Of web, with one event a POST over 32 connections."""
    return cells.posting(column, events=events, batch=1, connections=32)["application"]


if __name__ == "__main__":
    main()

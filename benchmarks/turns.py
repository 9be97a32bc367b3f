"""
`python -m benchmarks.turns`: what a turn costs a process that shares a core with others, and nothing else with them.

The control of `make bench-several`: no database, no lock, no thread. Each process reads as many objects of its own as
told, in an order of its own, and hands the turn to the next through a pipe. What it costs more among sixteen than alone
is what the machine takes to bring a process's memory back into its caches.
"""

import itertools
import multiprocessing
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from benchmarks import cpu

FORK = multiprocessing.get_context("fork")

COUNTS, OBJECTS, TURNS = (1, 2, 16), (100, 500, 1000, 2000), 2000
_ORDERS = 10  # of so many times the objects, so that a turn finds none where the last one left it


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of them does: reads from `here` when it may, and writes to `there` when it has."""

    number: int
    here: int
    there: int
    objects: int
    turns: int


def main() -> None:
    """Prints a table in Markdown: CPU µs a turn, by how many objects it reads and how many processes take turns."""
    print(f"| objects read a turn | {' | '.join(f'{count} processes' for count in COUNTS)} | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for objects in OBJECTS:
        costs = [cost_us(processes=count, objects=objects, turns=TURNS // count) for count in COUNTS]
        print(f"| {objects} | {' | '.join(f'{cost:.0f}' for cost in costs)} | {costs[-1] / costs[0]:.1f} |", flush=True)


def cost_us(*, processes: int, objects: int, turns: int) -> float:
    """CPU microseconds of one turn, of the first of them; each takes so many turns, on the application's core.

    RuntimeError where a process failed; what it said stands above.
    """
    told, pipes = FORK.SimpleQueue(), [os.pipe() for _ in range(processes)]
    children = []
    for number in range(processes):
        turn = Turn(number, pipes[number][0], pipes[(number + 1) % processes][1], objects, turns)
        children.append(FORK.Process(target=_take_turns, args=(turn, told), daemon=True))
        children[-1].start()
    os.write(pipes[0][1], b"x")
    _join(children)
    for end in itertools.chain(*pipes):
        os.close(end)
    return float(told.get()) * 1e6


def _join(children: list[Any]) -> None:
    """Waits for all; where one fails the others would wait for its turn for ever, and are ended."""
    waiting = {child.sentinel: child for child in children}
    while waiting:
        for sentinel in connection.wait(list(waiting)):
            child = waiting.pop(sentinel)
            child.join()
            if child.exitcode:
                for other in waiting.values():
                    other.kill()
                raise RuntimeError(f"A process that took turns ended with {child.exitcode}.")


def _take_turns(turn: Turn, told: Any) -> None:
    os.sched_setaffinity(0, {cpu.APPLICATION})
    dice = random.Random(turn.number)
    memory = {key: (key, str(key)) for key in range(_ORDERS * turn.objects)}
    orders = [dice.sample(range(_ORDERS * turn.objects), turn.objects) for _ in range(_ORDERS)]
    for order in orders:
        _read(memory, order)
    begun = time.process_time()
    for n in range(turn.turns):
        os.read(turn.here, 1)
        _read(memory, orders[n % _ORDERS])
        os.write(turn.there, b"x")
    if turn.number == 0:
        told.put((time.process_time() - begun) / turn.turns)


def _read(memory: dict[int, tuple[int, str]], order: Sequence[int]) -> int:
    return sum(memory[key][0] for key in order)


if __name__ == "__main__":
    main()

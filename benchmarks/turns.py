"""
`python -m benchmarks.turns`: what a turn costs a process that shares a core with others, and nothing else with them.

The control of `make bench-several`: no database, no lock, no thread. Each process reads as many objects of its own as
told, in an order of its own, and hands the turn to the next through a pipe. What it costs more among sixteen than alone
is what the machine takes to bring a process's memory back into its caches.
"""

import itertools
import os
import random
import time
from collections.abc import Sequence

from benchmarks import cpu

COUNTS, OBJECTS, TURNS = (1, 2, 16), (100, 500, 1000, 2000), 2000
_ORDERS = 10  # of so many times the objects, so that a turn finds none where the last one left it


def main() -> None:
    """Prints a table in Markdown: CPU µs a turn, by how many objects it reads and how many processes take turns."""
    print(f"| objects read a turn | {' | '.join(f'{count} processes' for count in COUNTS)} | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for objects in OBJECTS:
        costs = [cost_us(processes=count, objects=objects, turns=TURNS // count) for count in COUNTS]
        print(f"| {objects} | {' | '.join(f'{cost:.0f}' for cost in costs)} | {costs[-1] / costs[0]:.1f} |", flush=True)


def cost_us(*, processes: int, objects: int, turns: int) -> float:
    """CPU microseconds of one turn, of the first of them; each takes so many turns, on the application's core."""
    pipes = [os.pipe() for _ in range(processes)]
    told, telling = os.pipe()
    children = []
    for number in range(processes):
        child = os.fork()
        if not child:
            _take_turns(number, pipes[number][0], pipes[(number + 1) % processes][1], objects, turns, telling)
        children.append(child)
    os.write(pipes[0][1], b"x")
    for child in children:
        os.waitpid(child, 0)
    found = float(os.read(told, 100))
    for end in itertools.chain(*pipes, (told, telling)):
        os.close(end)
    return found * 1e6


def _take_turns(number: int, here: int, there: int, objects: int, turns: int, telling: int) -> None:
    os.sched_setaffinity(0, {cpu.APPLICATION})
    dice = random.Random(number)
    memory = {key: (key, str(key)) for key in range(_ORDERS * objects)}
    orders = [dice.sample(range(_ORDERS * objects), objects) for _ in range(_ORDERS)]
    for order in orders:
        _read(memory, order)
    begun = time.process_time()
    for turn in range(turns):
        os.read(here, 1)
        _read(memory, orders[turn % _ORDERS])
        os.write(there, b"x")
    if number == 0:
        os.write(telling, str((time.process_time() - begun) / turns).encode())
    os._exit(0)


def _read(memory: dict[int, tuple[int, str]], order: Sequence[int]) -> int:
    return sum(memory[key][0] for key in order)


if __name__ == "__main__":
    main()

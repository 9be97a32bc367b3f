"""
Meta's stand-in for a run: the simulator as a process that writes every call into a file.

    python -m tests.faults.meta '{"port": 9200, "accounts": {"id": "token"}, "calls": "calls.jsonl"}'

A long run has more calls than the simulator remembers.
"""

import json
import signal
import sys
import threading

from simulator.graph import GraphSimulator
from simulator.record import Record

REMEMBERED = 1000


class Journal(Record):
    """A record that keeps nothing back; whoever writes holds the Graph's lock."""

    def __init__(self, path):
        self._file = open(path, "a", buffering=1)  # noqa: SIM115 - open for the life of the process
        super().__init__(REMEMBERED)

    def add(self, call):
        super().add(call)
        self._file.write(json.dumps(call.as_json()) + "\n")


def main(wanted):
    stop = threading.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    graph = GraphSimulator(wanted["accounts"], port=wanted["port"])
    graph._world.record = Journal(wanted["calls"])
    with graph:
        stop.wait()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""
`python -m benchmarks.memory --events 1000000`: whether web and worker keep their size over so many answered messages.

Posted a hundred in a POST and worked off by 50 slots, in tenths; a quarter of an hour for a million.
"""

import argparse
import os
import re
import time
from pathlib import Path

os.environ["DJANGO_DEBUG"] = "true"

import psycopg

from benchmarks import cpu
from benchmarks.installation import installation
from benchmarks.ours import Ours
from tests.processes.process import until

STEPS, BATCH, CONNECTIONS, SLOTS, WITHIN_S = 10, 100, 8, 50, 900
_PSS = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)


def main() -> None:
    """Prints a table in Markdown: after each tenth the memory of both, in MB of proportional set size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args().events // STEPS
    print("| answered | web, MB | worker, MB | s |\n| --- | --- | --- | --- |")
    with installation() as place:
        column = Ours(place, slots=SLOTS)
        column.open()
        web, worker = column.web(), column.worker()
        with psycopg.connect(column.database_url, autocommit=True) as asking:
            for step in range(STEPS + 1):
                print(f"| {step * events:,} | {pss_mb(web.pid):.1f} | {pss_mb(worker.pid):.1f} |", end="", flush=True)
                begun = time.monotonic()
                if step < STEPS:
                    column.crowd.post(column.port, events=events, batch=BATCH, connections=CONNECTIONS)
                    until(lambda: column.is_done(asking), "all is done", within_s=WITHIN_S)
                print(f" {time.monotonic() - begun:.0f} |", flush=True)


def pss_mb(pid: int) -> float:
    """The proportional set size of a process and all that it started."""
    found = [_PSS.search(Path(f"/proc/{each}/smaps_rollup").read_text()) for each in cpu.tree(pid)]
    return sum(int(each[1]) for each in found if each) / 1000


if __name__ == "__main__":
    main()

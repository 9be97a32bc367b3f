"""
The whole product under faults, as `make faults` runs it.

    python -m tests.faults --minutes 5 --seed 1
    python -m tests.faults --minutes 1 --only redis.kill --only redis.flushall
    python -m tests.faults --minutes 1 --flaw no_fence_check          must end with exit code 1

Exit code 0: nothing lost, doubled, out of order or stuck, and nothing crashed unbidden. 1: something was.
Logs, history and scorecard are kept in the folder that the first line names.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import times
from tests.faults.flaws import FLAWS
from tests.faults.house import WORST_LAG, end_in_order_when_told
from tests.faults.kinds import KINDS
from tests.faults.run import Run
from tests.faults.telling import say


def _options(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--minutes", type=float, default=5.0, metavar="M", help="how long faults are injected (default 5)")
    add("--seed", type=int, default=None, metavar="N", help="of the generator and the faults (default: the time)")
    add("--rate", type=float, default=50.0, metavar="R", help="events a second (default 50)")
    add(
        "--flaw",
        action="append",
        default=[],
        choices=sorted(FLAWS),
        metavar="NAME",
        help="patch this flaw into the product, with the faults that provoke it; repeatable",
    )
    add(
        "--lag",
        type=float,
        default=WORST_LAG,
        metavar="F",
        help="of the settle time: how long Meta's listing lags at its worst (default %(default)s; over 1: doubles)",
    )
    add(
        "--patience",
        type=float,
        default=40.0,
        metavar="S",
        help="a run that comes no nearer to rest for so long has not come to rest (default %(default)s)",
    )
    add("--may-double", action="store_true", help="doubled replies are counted and do not fail the run")
    add("--only", action="append", default=[], choices=sorted(KINDS), metavar="KIND", help="only such faults")
    add("--no-faults", action="store_true", help="the same without a fault")
    add("--shipped", action="store_true", help="with the times that are shipped")
    add("--recovery", action="store_true", help="one fault at a time, and how long each is felt")
    add("--folder", type=Path, metavar="PATH", help="where logs and results are kept (default: a new one)")
    return parser.parse_args(arguments)


def main(arguments=None):
    """The exit code."""
    options = _options(arguments)
    options.seed = int(time.time()) if options.seed is None else options.seed
    options.folder = options.folder or Path(tempfile.mkdtemp(prefix="faults-"))
    options.folder.mkdir(parents=True, exist_ok=True)
    if (options.folder / "history.jsonl").exists():
        say(f"{options.folder} holds another run: name a folder that does not exist yet.")
        return 2
    chosen = times.SHIPPED if options.shipped else times.SCALED
    say(f"Seed {options.seed}; logs and results: {options.folder}\n{times.in_words(chosen)}")
    end_in_order_when_told()
    try:
        if options.recovery:
            from tests.faults import recovery

            return recovery.run(options, chosen)
        return Run(options, chosen).result()
    except KeyboardInterrupt:
        say("Stopped.")
        return 130


if __name__ == "__main__":
    sys.exit(main())

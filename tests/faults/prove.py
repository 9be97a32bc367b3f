"""
Seeds each flaw into the product and runs it: python -m tests.faults.prove [NAME …]

Exit code 0 where each is caught, by a finding of the checker or a lane that never came to rest; what a
run cannot show in its short time has to be found by the exhaustive search. A process that merely fails
to start proves nothing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.flaws import FLAWS
from tests.faults.telling import say
from tests.model import flaws as model
from tests.model.search import search
from tests.processes.process import CHECKOUT

LONGEST_S = 400.0
SEARCH_S = 120.0
PATIENCE_S = 12.0


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.faults.prove", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a flaw; all where none is given")
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=25.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(FLAWS)
    if unknown:
        parser.error(f"no such flaw: {', '.join(sorted(unknown))}; there are {', '.join(FLAWS)}")
    missed = []
    for name in options.names or FLAWS:
        how = caught(name, minutes=options.minutes, rate=options.rate, seed=options.seed) or _by_search(name)
        say(f"{name:<38} {how or 'NOT CAUGHT'}   ({FLAWS[name].what})")
        missed += [] if how else [name]
    return 1 if missed else 0


def caught(name, *, minutes, rate, seed):
    """What a short run found of this flaw, in words; "" for nothing."""
    with tempfile.TemporaryDirectory(prefix="flaw-") as folder:
        words = [
            "--minutes",
            minutes,
            "--rate",
            rate,
            "--seed",
            seed,
            "--flaw",
            name,
            "--patience",
            PATIENCE_S,
            "--folder",
            folder,
        ]
        log = Path(folder) / "run.log"
        with log.open("w") as out:
            subprocess.run(
                [sys.executable, "-m", "tests.faults", *map(str, words)],
                stdout=out, stderr=subprocess.STDOUT, cwd=CHECKOUT, timeout=LONGEST_S, check=False,
            )  # fmt: skip
        card = Path(folder) / "scorecard.json"
        assert card.exists(), f"the run with {name} came to no verdict:\n{log.read_text()[-3000:]}"
        facts = json.loads(card.read_text())
    found = [f"{kind} {count}" for kind, count in facts["findings"].items() if count]
    found += ["never came to rest"] if facts["rest_s"] is None else []
    return ", ".join(found)


def _by_search(name):
    """The sentence that the exhaustive search finds broken, with the same flaw in the table."""
    known = model.FLAWS.get(FLAWS[name].model)
    found = search(known.rules(), seconds=SEARCH_S) if known else None
    return f"by the search: {found.wrong}" if found and found.wrong else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

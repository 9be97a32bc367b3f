"""
`make model`: one world after another, each to its end or until its time is up; then every flaw.

With --events, --workers, --faults or --people only the world of that size.
"""

import argparse
import sys

from tests.model import moving
from tests.model.flaws import FLAWS
from tests.model.moving import WRONGS
from tests.model.rules import Rules
from tests.model.search import search

WORLDS = {
    "two events, parked and replayed": Rules(faults=0, people=2),
    "two events, one fault": Rules(faults=1, people=0),
    "two events, the older one late": Rules(faults=0, people=1, is_late=True),
    "one event, three faults": Rules(events=1, faults=3, people=0),
    "one event, two faults, replayed": Rules(events=1, faults=2, people=1),
    "two events, two faults": Rules(faults=2, people=0, parks=False, reads_first=False),
    "two events, one fault, replayed": Rules(faults=1, people=1, parks=False, reads_first=False),
    "three events, replayed": Rules(events=3, faults=0, people=1, parks=False),
    "an event that kills its workers": Rules(events=1, faults=0, people=0, kills=True),
}
# What the product does not promise, each with the sentence that it breaks.
WINDOWS = {
    "a stop between the last check and the first byte": (
        Rules(events=1, faults=1, people=0, parks=False, window=True, sought=frozenset({moving.TWICE})), moving.TWICE
    ),
    "a claim's statement stands still while its event is ended and replayed": (
        Rules(faults=0, people=1, old_head=True), moving.DISORDER
    ),
}  # fmt: skip


def main():
    asked = _asked()
    seconds = asked.pop("seconds")
    chosen = {name: value for name, value in asked.items() if value is not None}
    if chosen:
        chosen = {"events": 2, "workers": 2, "faults": 1, "people": 0} | chosen
        return _tell("this world", search(Rules(**chosen), seconds=seconds))
    good = [_tell(name, search(rules, seconds=seconds)) for name, rules in WORLDS.items()]
    _say("\nWindows that stay, and flaws: the search must find each.")
    good += [_must_find(name, rules, harm, seconds) for name, (rules, harm) in WINDOWS.items()]
    good += [_must_find(name, flaw.rules(), flaw.harm, seconds) for name, flaw in FLAWS.items()]
    return all(good)


def _asked():
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    for name in ("events", "workers", "faults", "people"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--seconds", type=float, default=240.0, help="for each world")
    return vars(parser.parse_args())


def _tell(name, found):
    _say(f"{name}: {found}")
    return not found.wrong


def _must_find(name, rules, harm, seconds):
    found = search(rules, seconds=seconds)
    is_found = found.wrong == WRONGS[harm]
    _say(f"{'found' if is_found else 'NOT FOUND'} after {found.states} states: {name}: {WRONGS[harm]}")
    return is_found


def _say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

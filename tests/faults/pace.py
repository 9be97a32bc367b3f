"""
How much a whole installation gets done, and how fast it answers at half of that: python -m tests.faults.pace

Saturated: customers write faster than anything is done, and the events that end in a second are counted.
Then, once all is done, they write half as much; of the answers to Meta the p99 must be 50 ms at most.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import oracle, recovered, times
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.faults.house import House, end_in_order_when_told
from tests.faults.rest import come_to_rest
from tests.faults.tables import EVENTS
from tests.faults.telling import say

FLOOD, WARM_S, REST_S = 400.0, 10.0, 60.0
ALLOWED_MS = 50.0
DONE = f"SELECT count(*) AS n FROM {EVENTS} WHERE finished_at > clock_timestamp() - make_interval(secs => %s)"


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pace")
    parser.add_argument("--flood", type=float, default=20.0, metavar="S", help="how long it is saturated")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long half of it is measured")
    options = parser.parse_args(arguments)
    end_in_order_when_told()
    folder = Path(tempfile.mkdtemp(prefix="pace-"))
    with House(folder, 1, times=times.SHIPPED) as house:
        rate = _saturated(house, folder / "flood.jsonl", options.flood)
        say(f"Saturated: {rate:.0f} events are done in a second.")
        come_to_rest(house, REST_S)
        found = _answers(house, folder / "half.jsonl", rate / 2, options.seconds)
    say(f"At {rate / 2:.0f} a second: answers, ms: {found}; p99 allowed: {ALLOWED_MS:g}")
    return 1 if found["p99"] > ALLOWED_MS else 0


def _saturated(house, file, seconds):
    with History(file) as history:
        generator = Generator(house.web_url, house.secret, house.accounts, history, 1, FLOOD, killers=0.0)
        generator.start()
        time.sleep(WARM_S + seconds)
        (done,) = house.rows(DONE, seconds)
        generator.stop()
    return done["n"] / seconds


def _answers(house, file, rate, seconds):
    """Quantiles of the time to a 2xx, without the first moments."""
    with History(file) as history:
        generator = Generator(house.web_url, house.secret, house.accounts, history, 2, rate, killers=0.0)
        generator.start()
        time.sleep(WARM_S)
        begun = time.time()
        time.sleep(seconds)
        generator.stop()
        told = oracle.read(history)
    return recovered.quantiles([took for at, took in told.answered() if at >= begun])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

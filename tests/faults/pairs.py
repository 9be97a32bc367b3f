"""
Calm against pressure in one run, by turns: python -m tests.faults.pairs [--pairs 5] [--seconds 12] [--rate 20]

    pressure    the database is crowded with idle connections, somebody holds row locks and an old snapshot,
                four others read in REPEATABLE READ all the time
    heads       twenty conversations whose head fails again and again, one of them with thousands of events
                behind it, while others write

Of each stretch the p99 of the answers to Meta, and the p95 from acceptance to end of the conversations that
nothing is done to. Judged by the median of the pairs; the spread is told beside it.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from random import Random

from simulator import bodies
from simulator.client import Sender
from tests.faults import oracle, times
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.faults.house import House
from tests.faults.kinds import KINDS
from tests.faults.kinds.registry import Scene
from tests.faults.nemesis import heal
from tests.faults.tables import EVENTS
from tests.faults.telling import say

PRESSURES = ("postgres.crowd", "postgres.holder", "postgres.readers")
FAILING, BEHIND, AT_ONCE = 20, 10_000, 1000
WARM_S = 15.0
LAGS = f"""
SELECT extract(epoch FROM finished_at - received_at)::float8 * 1000 AS ms FROM {EVENTS}
 WHERE received_at BETWEEN to_timestamp(%s) AND to_timestamp(%s) AND finished_at IS NOT NULL AND NOT lane = ANY(%s)
   AND kind IN ('message', 'postback') ORDER BY 1
"""
LANES = f"SELECT DISTINCT lane FROM {EVENTS} WHERE event_key = ANY(%s)"


@contextlib.contextmanager
def nothing(_house):
    yield


@contextlib.contextmanager
def pressure(house):
    """All pressures on the database at once, over and over."""
    stopping = threading.Event()

    def press(kind):
        while not stopping.is_set():
            KINDS[kind].act(Scene(house, Random(kind), "postgres", stopping))

    threads = [threading.Thread(target=press, args=[kind], daemon=True) for kind in PRESSURES]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(15)


class Heads:
    """Conversations whose first message Meta refuses for as long as the stretch lasts."""

    def __init__(self, house):
        self._people = [f"7{number:015d}" for number in range(FAILING)]
        self._account = next(iter(house.accounts))
        with Sender(f"{house.web_url}/webhooks/instagram", house.secret) as meta:
            for person in self._people:
                house.graph_script("http:500:2*", recipient=person)
                meta.post(self._body([person], "head"))
            for start in range(0, BEHIND, AT_ONCE):
                texts = [f"behind {n}" for n in range(start, start + AT_ONCE)]
                meta.post(self._body([self._people[0]] * AT_ONCE, *texts))
        (lane,) = house.rows(f"SELECT lane FROM {EVENTS} GROUP BY lane ORDER BY count(*) DESC LIMIT 1")
        self.lanes = [row["lane"] for row in house.rows(f"SELECT DISTINCT lane FROM {EVENTS} WHERE state = 'retrying'")]
        self.lanes.append(lane["lane"])

    def _body(self, people, *texts):
        at_ms = int(time.time() * 1000)
        items = [
            bodies.message(text, sender=person, account=self._account, mid=f"h-{person}-{text}", at_ms=at_ms + n)
            for n, (person, text) in enumerate(zip(people, texts, strict=True))
        ]
        return bodies.messaging_body(items, account=self._account, at_ms=at_ms)


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pairs")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rate", type=float, default=20.0)
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="pairs-"))
    calm_times = times.SCALED | {"WEBHOOK_RETRY_DELAYS_S": "1,2,3", "WEBHOOK_MAX_ATTEMPTS": "1000"}
    with House(folder, 1, times=calm_times) as house, History(folder / "history.jsonl") as history:
        generator = Generator(house.web_url, house.secret, house.accounts, history, 1, options.rate, killers=0.0)
        generator.start()
        time.sleep(WARM_S)
        stretches = _stretches(house, options, pressure)
        lanes = Heads(house).lanes
        more = _stretches(house, options, nothing)
        heal(house)
        generator.stop()
        told = oracle.read(history)
        _tell(house, told, stretches, more, lanes)
    return 0


def _stretches(house, options, what):
    """[(name, begun, ended)] of calm and of `what`, by turns."""
    found = []
    for _ in range(options.pairs):
        for name, around in (("calm", nothing), (what.__name__, what)):
            with around(house):
                begun = time.time()
                time.sleep(options.seconds)
                found.append((name, begun, time.time()))
            time.sleep(2.0)
    return found


def _tell(house, told, stretches, more, lanes):
    acks = list(zip(told.acks[::2], told.acks[1::2], strict=True))
    calm = [_p99(acks, begun, ended) for name, begun, ended in stretches if name == "calm"]
    pressed = [_p99(acks, begun, ended) for name, begun, ended in stretches if name != "calm"]
    say(f"answers, p99 ms: calm {_spread(calm)}; under pressure {_spread(pressed)}; "
        f"ratio {_spread([b / a for a, b in zip(calm, pressed, strict=True)])}")  # fmt: skip
    alone = [_p95(house, begun, ended, lanes) for name, begun, ended in stretches if name == "calm"]
    beside = [_p95(house, begun, ended, lanes) for name, begun, ended in more]
    say(f"healthy conversations, acceptance to end, p95 ms: without failing heads {_spread(alone)}; "
        f"beside {FAILING} of them and {BEHIND} events behind one {_spread(beside)}")  # fmt: skip


def _p99(acks, begun, ended):
    inside = sorted(seconds * 1000 for at, seconds in acks if begun <= at <= ended)
    return inside[int(len(inside) * 0.99)]


def _p95(house, begun, ended, lanes):
    found = [row["ms"] for row in house.rows(LAGS, begun, ended, lanes)]
    return found[int(len(found) * 0.95)]


def _spread(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

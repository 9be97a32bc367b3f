"""
Calm against pressure in one run, by turns: python -m tests.faults.pairs [--pairs 5] [--seconds 30] [--only replays]

    pressure    idle connections until none is left, somebody holds row locks and an old snapshot, four
                others read in REPEATABLE READ
    heads       twenty conversations whose head fails again and again, one of them with thousands of events
                behind it, while others write
    replays     thousands of dead letters go back to work at the rate that the admin offers

Of each stretch the p99 of the answers to Meta, and the p95 from acceptance to end of the conversations that
nothing is done to. Judged by the median of the pairs; the spread is told beside it.
"""

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import psycopg

from simulator.client import Sender
from tests.faults import dying, oracle, times
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.faults.house import House, end_in_order_when_told
from tests.faults.kinds.database import CROWD, HELD
from tests.faults.nemesis import heal
from tests.faults.policies import HEAD
from tests.faults.tables import EVENTS
from tests.faults.telling import say
from tests.processes.freezing import freezing
from tests.processes.process import until

READERS, READ = 4, f"SELECT state, count(*) FROM {EVENTS} GROUP BY state"
FAILING, BEHIND, AT_ONCE = 20, 10_000, 1000
REPLAYED_A_SECOND, EACH = 5, 10
# Fifty at once wait for each other far longer than for anything that is measured here, and come when they like.
FEW_AT_ONCE = ((1.0, (1, 3)),)
WARM_S, SETTLED_S, MADE_S = 15.0, 3.0, 8.0
PRESSURE_RATIO, HEADS_RATIO, REPLAYS_RATIO = 2.0, 1.1, 1.1
LAGS = f"""
SELECT extract(epoch FROM finished_at - received_at)::float8 * 1000 AS ms FROM {EVENTS}
 WHERE received_at BETWEEN to_timestamp(%s) AND to_timestamp(%s) AND finished_at IS NOT NULL
   AND kind IN ('message', 'postback') ORDER BY 1
"""
GO_ON = """
UPDATE dead_letters_replaybatch SET state = %s, ran_at = clock_timestamp() WHERE ended_at IS NULL RETURNING 1 AS one
"""
GONE = "SELECT count(*) AS n FROM dead_letters_replayitem WHERE outcome <> 'waiting'"
AT_WORK = "SELECT count(*) AS n FROM dead_letters_replayitem WHERE outcome = 'replayed'"
# Whole conversations at once, past the inbox: only to have the next stretch begin without them.
END_THEM = f"""
UPDATE {EVENTS} SET state = 'ignored', reason = 'ended_by_hand', finished_at = clock_timestamp(),
       claimable_at = NULL, worker_id = NULL
 WHERE finished_at IS NULL AND lane IN (SELECT lane FROM {EVENTS} WHERE state = 'retrying')
RETURNING 1 AS one
"""
_numbers = itertools.count(1)


@contextlib.contextmanager
def nothing(_house):
    yield


@contextlib.contextmanager
def pressure(house):
    """All pressures on the database at once, for as long as the stretch lasts."""
    stopping = threading.Event()
    with contextlib.ExitStack() as stack:
        holder, *readers = [stack.enter_context(_old_snapshot(house)) for _ in range(1 + READERS)]
        with contextlib.suppress(psycopg.errors.SerializationFailure):  # nobody held by what has just moved
            holder.execute(HELD)
        with contextlib.suppress(psycopg.Error):  # none is left
            for _ in range(CROWD):
                stack.enter_context(psycopg.connect(house.database_url, connect_timeout=2))

        def read():
            while not stopping.wait(1.0):
                for reader in readers:
                    reader.execute(READ)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(15)


@contextlib.contextmanager
def _old_snapshot(house):
    """A transaction in REPEATABLE READ that has read once, and stays."""
    with psycopg.connect(house.database_url, connect_timeout=5) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(READ)
        yield connection
        connection.rollback()


@contextlib.contextmanager
def heads(house):
    """Conversations whose first message fails for as long as the stretch lasts; then they are ended by hand."""
    people = dying.people(next(_numbers), FAILING)
    account = next(iter(house.accounts))
    dying.write(house, people, [HEAD])
    with Sender(f"{house.web_url}/webhooks/instagram", house.secret) as meta:
        for start in range(0, BEHIND, AT_ONCE):
            texts = [f"behind {n}" for n in range(start, start + AT_ONCE)]
            meta.post(dying.body(account, [people[0]] * AT_ONCE, texts))
    time.sleep(MADE_S)
    try:
        yield
    finally:
        house.rows(END_THEM)


@contextlib.contextmanager
def replays(house):
    """Dead letters go back to work for as long as the stretch lasts, and end."""
    before = house.rows(GONE)[0]["n"]
    house.rows(GO_ON, "running")
    until(lambda: house.rows(GONE)[0]["n"] > before, "it goes on", within_s=30)
    try:
        begun, at = house.rows(GONE)[0]["n"], time.monotonic()
        yield
        went, seconds = house.rows(GONE)[0]["n"] - begun, time.monotonic() - at
        assert went >= 0.8 * REPLAYED_A_SECOND * (seconds - 2), f"only {went} went in {seconds:.0f} s"
    finally:
        house.rows(GO_ON, "paused")
        until(lambda: not house.rows(AT_WORK)[0]["n"], "what was replayed has ended", within_s=30)


def main(arguments):
    parser = argparse.ArgumentParser(prog="python -m tests.faults.pairs")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--only", action="append", choices=("pressure", "heads", "replays"))
    options = parser.parse_args(arguments)
    end_in_order_when_told()
    folder = Path(tempfile.mkdtemp(prefix="pairs-"))
    say(f"Logs and history: {folder}")
    calm_times = times.SHIPPED | {"WEBHOOK_RETRY_DELAYS_S": "10", "WEBHOOK_MAX_ATTEMPTS": "1000"}
    with House(folder, 1, times=calm_times) as house, History(folder / "history.jsonl") as history:
        return 1 if _broken(house, history, options) else 0


def _broken(house, history, options):
    """A sentence of each bound that is not kept."""
    wanted, found = options.only or ("pressure", "heads", "replays"), {}
    if "replays" in wanted:
        letters = round(options.pairs * options.seconds * REPLAYED_A_SECOND * 1.3)
        dying.die(house, dying.people(next(_numbers), letters // EACH), EACH)
        house.manage("-c", freezing(REPLAYED_A_SECOND))
        house.rows(GO_ON, "paused")
    generator = Generator(house.web_url, house.secret, house.accounts, history, 1, options.rate, killers=0.0,
                          sizes=FEW_AT_ONCE)  # fmt: skip
    generator.start()
    time.sleep(WARM_S)
    for what in (pressure, heads, replays):
        if what.__name__ in wanted:
            found[what] = _stretches(house, options, what)
    heal(house)
    generator.stop()
    acks = list(oracle.read(history).answered())

    def lag(begun, ended):
        return _p95(house, begun, ended)

    compared = {
        pressure: ("answers, p99 ms", lambda begun, ended: _p99(acks, begun, ended), PRESSURE_RATIO),
        heads: ("healthy conversations, acceptance to end, p95 ms", lag, HEADS_RATIO),
        replays: ("live events, acceptance to end, p95 ms", lag, REPLAYS_RATIO),
    }
    return [sentence for what, stretches in found.items() for sentence in _compared(compared[what], stretches)]


def _stretches(house, options, what):
    """[(begun, ended)] of calm and of `what`, by turns."""
    found = []
    for _ in range(options.pairs):
        for around in (nothing, what):
            with around(house):
                begun = time.time()
                time.sleep(options.seconds)
                found.append((begun, time.time()))
            time.sleep(SETTLED_S)
    return found


def _compared(what, stretches):
    """Tells both sides and the ratio of each pair; a sentence where its median is over the bound."""
    name, measure, bound = what
    values = [measure(*stretch) for stretch in stretches]
    calm, other = values[::2], values[1::2]
    ratios = [b / a for a, b in zip(calm, other, strict=True)]
    say(f"{name}: calm {_spread(calm)}; other {_spread(other)}; ratio {_spread(ratios)}, allowed {bound}")
    return [f"{name}: {statistics.median(ratios):.2f}"] if statistics.median(ratios) > bound else []


def _p99(acks, begun, ended):
    inside = sorted(seconds * 1000 for at, seconds in acks if begun <= at <= ended)
    return inside[int(len(inside) * 0.99)]


def _p95(house, begun, ended):
    found = [row["ms"] for row in house.rows(LAGS, begun, ended)]
    return found[int(len(found) * 0.95)]


def _spread(values):
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

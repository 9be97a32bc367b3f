"""
How long a fault is felt: one at a time, while customers write, measured from its heal.

    first      until an event is done that was accepted after the heal
    backlog    until all are that were accepted before it
    rate       until as much is done in a second as before the fault (95 %, over two seconds)
    lag p99    from acceptance to end, of events of the time of the fault: without those whose reply
               was in flight, and without their lanes, which wait for the end of a lease and a look-up
"""

import json
import statistics
import threading
import time
from random import Random

from tests.faults import times
from tests.faults.checker import check
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.faults.house import House
from tests.faults.kinds import KINDS
from tests.faults.kinds.registry import Scene
from tests.faults.nemesis import heal
from tests.faults.rest import come_to_rest
from tests.faults.tables import EVENTS, REPLIES
from tests.faults.telling import say

SCALED_KINDS = (
    *("worker.kill", "worker.child_kill", "worker.stop", "worker.deploy", "web.kill", "beat.kill"),
    *("redis.kill", "redis.freeze", "redis.flushall", "redis.client_kill", "redis.full"),
    *("postgres.restart", "postgres.kill", "postgres.freeze", "postgres.hang_up", "postgres.lock"),
    *("graph.500", "graph.timeout_after", "graph.reset_after", "listing.500", "token.refused"),
    *("net.postgres.swallow", "net.redis.blackhole", "net.graph.blackhole"),
)
SHIPPED_KINDS = ("worker.kill", "postgres.away", "redis.flushall")
ROUNDS, ROUNDS_SHIPPED = 3, 5
CALM_S, CALM_WITHIN_S = 3.0, 120.0
BEFORE_S, ENOUGH, OVER_S = 5.0, 0.95, 2.0
RATE_WITHIN_S, REST_S = 25.0, 240.0
KILLED_P99_S, AWAY_RATE_S, MORE_S = 15.0, 15.0, 5.0

_OLD = f"SELECT count(*) AS n FROM {EVENTS} WHERE finished_at IS NULL AND received_at < to_timestamp(%s)"
_FRESH = f"SELECT min(finished_at) AS at FROM {EVENTS} WHERE received_at >= to_timestamp(%s)"
_FIRST = f"SELECT coalesce(extract(epoch FROM clock_timestamp() - min(received_at)), 0) AS age FROM {EVENTS}"
_DONE = f"""
SELECT extract(epoch FROM finished_at)::float8 AS at FROM {EVENTS}
 WHERE finished_at BETWEEN to_timestamp(%s) AND to_timestamp(%s) ORDER BY 1
"""
_LAGS = f"""
SELECT extract(epoch FROM e.finished_at - e.received_at)::float8 AS lag FROM {EVENTS} e
 WHERE e.received_at BETWEEN to_timestamp(%s) AND to_timestamp(%s) AND e.finished_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM {REPLIES} r JOIN {EVENTS} o ON o.event_id = r.event_id
                    WHERE r.lookups > 0 AND (o.event_id = e.event_id OR o.lane = e.lane))
 ORDER BY 1
"""


def run(options, chosen):
    """The exit code: 0 where every bound holds."""
    kinds = options.only or (SHIPPED_KINDS if options.shipped else SCALED_KINDS)
    rounds = ROUNDS_SHIPPED if options.shipped else ROUNDS
    with (
        House(options.folder, options.seed, times=chosen, flaws=options.flaw) as house,
        History(options.folder / "history.jsonl") as history,
    ):
        generator = Generator(house.web_url, house.secret, house.accounts, history, options.seed, options.rate)
        generator.start()
        _until(lambda: house.rows(_FIRST)[0]["age"] > BEFORE_S, time.time())
        measured = {kind: [] for kind in kinds}
        try:
            for number in range(rounds):
                for kind in kinds:
                    measured[kind].append(_measured(house, history, kind, Random(f"{options.seed}:{number}:{kind}")))
        finally:
            heal(house)
            generator.stop()
        come_to_rest(house, REST_S)
        findings = check(house, history)
        broken = [
            *_broken(house, measured, is_shipped=options.shipped),
            *([] if findings.is_clean else [str(findings)]),
        ]
    path = options.folder / "recovery.json"
    path.write_text(json.dumps({"times": times.in_words(chosen), "measured": measured}, indent=2) + "\n")
    say(f"\n{table(measured)}\n\n{path}")
    say("\n".join(broken) or "All bounds hold.")
    return 1 if broken else 0


def table(measured):
    """Markdown: of each kind the median and the longest, in seconds."""
    names = ("fault_s", "first_s", "backlog_s", "rate_s", "lag_p99_s")
    lines = [f"| fault | times | {' | '.join(name.removesuffix('_s') for name in names)} |", "| --- |" + " ---: |" * 6]
    for kind, found in measured.items():
        cells = [_median_and_longest([one[name] for one in found]) for name in names]
        lines.append(f"| {kind} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median_and_longest(values):
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.1f} ({max(known):.1f})" if known else "–"


def _measured(house, history, name, rng):
    _calm(house)
    kind = KINDS[name]
    scene = Scene(house, rng, rng.choice(kind.targets), threading.Event())
    begun = time.time()
    kind.act(scene)
    healed = time.time()
    history.write("fault", kind_of_fault=name, detail=" ".join(scene.notes), begun=begun, healed=healed)
    backlog_s = _until(lambda: house.rows(_OLD, healed)[0]["n"] == 0, healed)
    first_s = _until(lambda: house.rows(_FRESH, healed)[0]["at"] is not None, healed)
    fresh = house.rows(_FRESH, healed)[0]["at"]
    first_s = round(fresh.timestamp() - healed, 2) if fresh and first_s is not None else None
    rate_s = _rate_back(house, begun, healed)
    lags = [row["lag"] for row in house.rows(_LAGS, begun - 1, healed)]
    found = {
        "fault_s": round(healed - begun, 2),
        "first_s": first_s,
        "backlog_s": backlog_s,
        "rate_s": rate_s,
        "lag_p99_s": round(lags[int(len(lags) * 0.99)], 2) if lags else None,
    }
    say(f"{name:<22} {' '.join(scene.notes):<20} " + " ".join(f"{key}={value}" for key, value in found.items()))
    return found


def _calm(house):
    """Waits until nothing older than a moment is open."""
    assert _until(lambda: house.rows(_OLD, time.time() - CALM_S)[0]["n"] == 0, time.time()) is not None, (
        "the house does not keep up with the generator: choose a lower --rate"
    )


def _until(condition, since):
    """Seconds from `since` until it came true; None where it did not."""
    while not condition():
        if time.time() > since + CALM_WITHIN_S:
            return None
        time.sleep(0.1)
    return round(time.time() - since, 2)


def _rate_back(house, begun, healed):
    """Seconds after the heal at whose end the last two had as many ends as two before the fault."""
    before = house.rows(_DONE, begun - BEFORE_S, begun)
    enough = ENOUGH * len(before) / BEFORE_S * OVER_S
    until = healed + RATE_WITHIN_S
    while True:
        is_over = time.time() > until
        done = [row["at"] for row in house.rows(_DONE, healed, until)]
        for at in done:
            if sum(at - OVER_S < other <= at for other in done) >= enough:
                return round(at - healed, 2)
        if is_over:
            return None
        time.sleep(0.2)


def _broken(house, measured, *, is_shipped):
    """What took longer than it may, in words."""
    gate_s, sweep_s = house.seconds("WEBHOOK_DISPATCH_GATE_S"), house.seconds("WEBHOOK_SWEEP_INTERVAL_S")
    whole_s = house.seconds("WEBHOOK_LEASE_S") + sweep_s + gate_s + MORE_S
    bounds = {
        "worker.kill": ("lag_p99_s", KILLED_P99_S),
        "postgres.away": ("rate_s", AWAY_RATE_S),
        "redis.flushall": ("backlog_s", gate_s + sweep_s + MORE_S),
    }
    found = []
    for kind, each in measured.items():
        name, bound = bounds.get(kind, ("backlog_s", whole_s)) if is_shipped else ("backlog_s", whole_s)
        values = [one[name] for one in each]
        if None in values or statistics.median(values) > bound:
            found.append(f"{kind}: {name} {values}, and {bound:g} s is allowed")
    return found

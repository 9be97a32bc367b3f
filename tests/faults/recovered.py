"""How fast a run answered, and how fast it went on after its faults: from the history and the rows."""

from bisect import bisect_left
from collections import defaultdict

from tests.faults.tables import EVENTS

NEAR_S = 1.0
# When each accepted event was done, for those that did not die in between.
DONE = f"""
SELECT e.key, extract(epoch FROM e.finished_at)::float8 AS done_at FROM {EVENTS} e
 WHERE e.finished_at IS NOT NULL AND e.event_id NOT IN (SELECT subject_id FROM dead_letters_deadletter)
"""


def acks(oracle):
    """Seconds of every 2xx while all was well, and while a fault was on or within a second of one."""
    begun, ended = _merged(oracle.faults)
    healthy, faulty = [], []
    for at, seconds in oracle.answered():
        place = bisect_left(begun, at + NEAR_S)  # the first fault that began later
        is_near = place > 0 and ended[place - 1] + NEAR_S >= at - seconds
        (faulty if is_near else healthy).append(seconds)
    return healthy, faulty


def others(oracle):
    """Seconds of every try that got no 2xx."""
    return list(oracle.others[1::2])


def recoveries(house, oracle):
    """Of each kind of fault, for each time: seconds from its heal until work was done again.

    first: until an event was done that was acknowledged after the heal. all: until every event was
    done that was acknowledged during the fault. Other faults may be on meanwhile.
    """
    done = {row["key"].bytes: row["done_at"] for row in house.rows(DONE)}
    events = sorted(
        (event.acked_at, done[event.key])
        for event in oracle.events.values()
        if event.acked_at is not None and event.key in done
    )
    acked = [at for at, _ in events]
    soonest = _minima(events)
    found = defaultdict(lambda: {"first": [], "all": []})
    for kind, begun, healed in oracle.faults:
        since, until = bisect_left(acked, begun), bisect_left(acked, healed)
        if until < len(events):
            found[kind]["first"].append(max(soonest[until] - healed, 0.0))
        latest = max((at for _, at in events[since:until]), default=healed)
        found[kind]["all"].append(max(latest - healed, 0.0))
    return dict(found)


def quantiles(seconds):
    """p50, p95, p99 and max in milliseconds, and how many."""
    if not seconds:
        return {"count": 0}
    ordered = sorted(seconds)
    named = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    places = {name: min(int(share * len(ordered)), len(ordered) - 1) for name, share in named.items()}
    return {"count": len(ordered)} | {name: round(ordered[place] * 1000, 1) for name, place in places.items()}


def _merged(faults):
    """Begins and ends of the times in which any fault was on."""
    begun, ended = [], []
    for _, start, end in sorted(faults, key=lambda fault: fault[1]):
        if ended and start <= ended[-1]:
            ended[-1] = max(ended[-1], end)
        else:
            begun.append(start)
            ended.append(end)
    return begun, ended


def _minima(events):
    """Of each place, the earliest end from there on."""
    soonest, least = [], float("inf")
    for _, done_at in reversed(events):
        least = min(least, done_at)
        soonest.append(least)
    return soonest[::-1]

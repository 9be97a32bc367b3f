"""What happens around the workers: time passes, the sweep and people act, processes end."""

from instagram_webhooks.states import EventState
from tests.model.moving import PROCESSING, SENDING, UNDECIDED, at_work, idle, make, may, taken_by_another
from tests.model.rules import SET_APART_FROM
from tests.model.world import (
    ABSENT,
    AHEAD,
    AIMED,
    AT,
    CALLING,
    CHECKED,
    DUE,
    FLIGHT,
    GONE,
    HOLDER,
    LATE,
    LATER,
    OWNS,
    PHASE,
    REPLY,
    SETTLED,
    STARTS,
    STATE,
    STATES,
    STOPPED,
    TAKEN,
    TIME,
    UNKNOWN,
)  # fmt: skip

RECEIVED, RETRYING = STATES[EventState.RECEIVED], STATES[EventState.RETRYING]


def helpful(rules, world):
    """(what, event or None, next state): of these and the workers' own steps alone every event must find its end."""
    for e in rules.layout.events:
        yield from _time(rules, world, e)
        if _is_silent(rules, world, e) and may(world, e, rules.read["RESCUE"]):
            after = bytearray(world)
            taken_by_another(rules, after, e)
            make(rules, after, e, rules.read["RESCUE"])
            for k in at_work(rules, after, e):  # silent for ten seconds
                after[k + LATE] = after[k + PHASE] == CHECKED
            yield "RESCUE moves", e, after
        if may(world, e, rules.read["RELEASE"]):
            after = bytearray(world)
            make(rules, after, e, rules.read["RELEASE"])
            after[rules.layout.woken] = 1
            yield "RELEASE moves", e, after
    if not world[rules.layout.woken] and is_offered(rules, world):
        after = bytearray(world)
        after[rules.layout.woken] = 1
        yield "the sweep offers what is due", None, after


def of_worker(rules, world, k):
    """(what, is_helpful, next state) of what befalls the worker at `k`."""
    number = rules.layout.workers.index(k) + 1
    faults = rules.layout.faults
    if world[k + STOPPED]:
        after = bytearray(world)
        after[k + STOPPED] = 0
        yield "goes on", True, after
    can_fail = _runs_a_killer(rules, world, k) if rules.kills else world[faults]
    if world[k + PHASE] > AIMED and can_fail:
        after = _ended(rules, world, k, number)
        after[faults] -= not rules.kills
        yield "crashes", rules.kills, after
        if not world[k + STOPPED]:
            after = bytearray(world)
            after[k + STOPPED] = 1
            after[faults] -= not rules.kills
            yield "stops", rules.kills, after
    yield from _shut_down(rules, world, k, number)


def _runs_a_killer(rules, world, k):
    """In this very process; what runs apart harms only its child."""
    return world[rules.layout.events[world[k + AT]] + STARTS] < SET_APART_FROM


def _shut_down(rules, world, k, number):
    """In order: its claims go back, and whatever its thread does until it is gone must find them gone."""
    held = [e for e in rules.layout.events if world[e + HOLDER] == number and may(world, e, rules.read["GIVE_BACK"])]
    # A killer is the reason for the end, when it held a slot for longer than its lease.
    if not held or (not rules.kills and not world[rules.layout.faults]):
        return
    if rules.kills and any(world[e + TIME] == LATER for e in held):
        return
    after = bytearray(world)
    after[rules.layout.faults] -= not rules.kills
    for e in held:
        taken_by_another(rules, after, e, self_made=True)
        make(rules, after, e, rules.read["GIVE_BACK"])
    after[rules.layout.woken] = 1
    yield "shuts down and makes GIVE_BACK", rules.kills, after


def adverse(rules, world):
    """(what, event or None, next state) of what may hinder or undo, and what people do."""
    if world[rules.layout.woken]:
        after = bytearray(world)
        after[rules.layout.woken] = 0
        yield "the wake-up is lost", None, after
    for e in rules.layout.events:
        if rules.kills:
            return
        if rules.parks and may(world, e, rules.read["PARK"]):
            yield "PARK moves", e, _moved(rules, world, e, "PARK")
        if world[rules.layout.people]:
            for name in ("SET_ASIDE", "REPLAY"):
                if may(world, e, rules.read[name]):
                    after = _moved(rules, world, e, name)
                    after[rules.layout.people] -= 1
                    yield f"a person makes {name} of", e, after
        if world[e + STATE] == ABSENT:
            yield "at last there arrives", e, _arrived(rules, world, e)


def _moved(rules, world, e, name):
    after = bytearray(world)
    taken_by_another(rules, after, e)
    make(rules, after, e, rules.read[name])
    after[rules.layout.woken] = 1
    return after


def _arrived(rules, world, e):
    """Older than what is in work. That goes first, as it could not know of it."""
    after = bytearray(world)
    after[e + STATE], after[e + TIME] = RECEIVED, DUE
    aimed = {rules.layout.events[world[k + AT]] for k in rules.layout.workers if world[k + PHASE] == AIMED}
    for other in rules.layout.events:
        if other > e and (world[other + STATE] == PROCESSING or other in aimed):
            after[other + AHEAD] = 1
    after[rules.layout.woken] = 1
    return after


def _time(rules, world, e):
    """What was later has come. No lease ends under a worker that is neither stopped nor gone: see "stops"."""
    here = at_work(rules, world, e)
    works = any(not world[k + STOPPED] and world[k + OWNS] for k in here)
    if world[e + TIME] == LATER and world[e + STATE] == RETRYING:
        after = bytearray(world)
        after[e + TIME] = DUE
        yield "the time has come of", e, after
    if world[e + TIME] == LATER and world[e + STATE] == PROCESSING and not works:
        for what, after in _calls_end(rules, world, e, here):
            after[e + TIME] = DUE
            yield f"the lease ends{what} of", e, after
    calls = any(not world[k + STOPPED] and world[k + PHASE] in (CHECKED, CALLING) for k in here)
    if world[e + REPLY] in (SENDING, UNDECIDED) and not world[e + SETTLED] and not calls:
        for what, after in _calls_end(rules, world, e, here):
            after[e + SETTLED] = 1
            yield f"the settle time is over{what} of", e, after


def _calls_end(rules, world, e, here):
    """No call outlives its deadline: Meta has taken the message by then or never will. A lease is longer still."""
    after = bytearray(world)
    for k in here:
        if world[k + PHASE] == CHECKED:
            after[k + LATE] = 1
        elif world[k + PHASE] == CALLING:
            after[k + PHASE] = UNKNOWN
    for taken in range(world[e + FLIGHT] + 1):
        each = bytearray(after)
        each[e + FLIGHT] = 0
        each[e + TAKEN] += taken
        yield (", Meta having taken the message" if taken else ""), each


def _is_silent(rules, world, e):
    """Whether the pulse of its worker is missing. A stopped one has none; the number of a gone one is nobody's."""
    holder = world[e + HOLDER]
    if rules.rescues_living or holder == GONE:
        return bool(holder)
    return bool(holder) and bool(world[rules.layout.workers[holder - 1] + STOPPED])


def is_offered(rules, world):
    """Whether the sweep finds anything."""
    return any(_is_offered(rules, world, e) for e in rules.layout.events)


def _is_offered(rules, world, e):
    """The sweep's own rule: due, and the head of its lane."""
    if world[e + TIME] != DUE or not rules.sweeps:
        return False
    if world[e + STATE] == PROCESSING:
        return rules.sweeps_expired
    return not any(o < e and world[o + STATE] in rules.open for o in rules.layout.events)


def _ended(rules, world, k, number):
    after = bytearray(world)
    idle(after, k)
    for e in rules.layout.events:
        if world[e + HOLDER] == number:
            after[e + HOLDER] = GONE
    return after

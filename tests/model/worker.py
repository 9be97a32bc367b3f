"""The steps of a worker: claim, begin, call, finish; and whatever a failure makes of the event instead."""

from tests.model.moving import (
    DISORDER,
    PROCESSING,
    SENDING,
    UNDECIDED,
    commits,
    idle,
    is_free,
    make,
    may,
    taken_by_another,
    wrong,
)  # fmt: skip
from tests.model.rules import AS_IT_IS, BEGIN_AGAIN, BURIED, ENDS, SET_APART_FROM
from tests.model.world import (
    ABSENT,
    AGAIN,
    AHEAD,
    AIMED,
    ANSWERED,
    AT,
    CALLING,
    CHECKED,
    CLAIMED,
    CLEAR,
    DUE,
    FENCE,
    FLIGHT,
    IDLE,
    LATE,
    OWNS,
    PHASE,
    REFUSED,
    REPLY,
    SEEN,
    SETTLED,
    STARTS,
    STATE,
    STOPPED,
    TAKEN,
    TIME,
    UNKNOWN,
)  # fmt: skip


def steps(rules, world, k):
    """(what, event, next state) of everything that the worker at `k` can do by itself."""
    phase = world[k + PHASE]
    if world[k + STOPPED]:
        return
    if phase == IDLE:
        e = head(rules, world) if world[rules.layout.woken] else None
        if e is not None and _claiming(rules, world, e) is not None:
            aimed = _to(rules, world, k, AIMED, at=e)
            if rules.reads_first:
                yield "reads that it is the turn of", e, aimed
            else:
                yield from _claim(rules, aimed, k, e)
        return
    e = rules.layout.events[world[k + AT]]
    if phase == AIMED:
        yield from _claim(rules, world, k, e)
        return
    if rules.kills:
        yield from _is_killed_by(rules, world, k, e)
        return
    if not world[k + AGAIN]:
        yield from _go_on(rules, world, k, e)
    elif world[k + AGAIN] == BEGIN_AGAIN:
        yield from _begin(rules, world, k, e)
    else:
        yield from _end(rules, world, k, e, world[k + AGAIN])


def _go_on(rules, world, k, e):
    phase = world[k + PHASE]
    if phase == CLAIMED:
        yield from _decide(rules, world, k, e)
    elif phase == CLEAR:
        yield from _begin(rules, world, k, e)
    elif phase == CHECKED:
        yield from _call(rules, world, k, e)
    elif phase == CALLING:
        yield from _answers(rules, world, k, e)
    for number in rules.ends.get(phase, ()):
        yield from _end(rules, world, k, e, number)


def head(rules, world):
    """The event whose turn it is: the one in processing before anything older that came since, else the oldest."""
    places = [e for e in rules.layout.events if world[e + STATE] in rules.open]
    if rules.head_by_time:
        places.sort(key=lambda e: world[e + TIME] != DUE)
    return next((e for e in places if world[e + STATE] == PROCESSING), places[0] if places else None)


def _claiming(rules, world, e):
    moves = (rules.read["CLAIM"], rules.read["RECLAIM"])
    return next((move for move in moves if may(world, e, move)), None)


def _claim(rules, world, k, e):
    """The UPDATE: its condition is looked at again, which head it takes is not."""
    move = _claiming(rules, world, e)
    if move is None or not is_free(rules, world, e):
        after = bytearray(world)
        idle(after, k)
        if world[e + STATE] != PROCESSING:
            after[e + AHEAD] = 0
        yield "finds nothing to claim in", e, after
        return
    after = bytearray(world)
    idle(after, k)
    after[k + AT] = world[k + AT]
    taken_by_another(rules, after, e)
    make(rules, after, e, move, claimer=rules.layout.workers.index(k) + 1)
    if world[rules.layout.faults]:
        lost = bytearray(after)
        lost[rules.layout.faults] -= 1
        idle(lost, k)
        yield f"makes {move.name} and never hears of it, on", e, lost
    after[k + PHASE], after[k + SEEN], after[k + OWNS] = CLAIMED, after[e + FENCE], 1
    yield f"makes {move.name} on", e, after


def _decide(rules, world, k, e):
    """By the reply in the ledger. A look-up tells the truth once a call can no longer be under way."""
    reply = world[e + REPLY]
    if reply in rules.sendable:
        yield from _begin(rules, world, k, e)
    elif reply not in rules.looked_up:
        yield from _end(rules, world, k, e, AS_IT_IS)
    elif world[e + SETTLED]:
        if world[e + TAKEN]:
            yield "looks up and finds the message of", e, _to(rules, world, k, ANSWERED)
        else:
            yield "looks up and does not find the message of", e, _to(rules, world, k, CLEAR)


def _begin(rules, world, k, e):
    """One commit: the last check of the claim, and the reply in `sending`."""
    after = bytearray(world)
    if not commits(rules, after, k, e, rules.read["RENEW"]):
        yield _fenced_out(world, k, e)
        return
    after[e + REPLY], after[e + SETTLED] = SENDING, 0
    yield from _unheard(rules, after, k, e, BEGIN_AGAIN, "RENEW")
    after[k + PHASE], after[k + LATE], after[k + AGAIN] = CHECKED, 0, 0
    yield "makes RENEW and commits `sending` of", e, after


def _call(rules, world, k, e):
    """The first byte leaves within a second of the last check, or there is another check."""
    if not world[k + LATE] or rules.window:
        after = bytearray(world)
        after[k + PHASE], after[k + LATE] = CALLING, 0
        after[e + FLIGHT] += 1
        older = [o for o in rules.layout.events if o < e and world[o + STATE] != ABSENT]
        if not world[e + AHEAD] and any(world[o + STATE] in rules.open for o in older):
            wrong(rules, after, DISORDER)
        yield WINDOW if world[k + LATE] else "calls Meta for", e, after
    if world[k + LATE]:
        after = bytearray(world)
        if commits(rules, after, k, e, rules.read["RENEW"]):
            after[k + LATE] = 0
            if rules.check_moves_call:
                after[e + SETTLED] = 0
            yield "checks again with RENEW on", e, after
        else:
            yield _fenced_out(world, k, e)


WINDOW = "was stopped between check and first byte, and calls Meta for"


def _answers(rules, world, k, e):
    taken, refused = _to(rules, world, k, ANSWERED), _to(rules, world, k, REFUSED)
    taken[e + FLIGHT] -= 1
    taken[e + TAKEN] += 1
    refused[e + FLIGHT] -= 1
    yield "is told that Meta took the message of", e, taken
    yield "is told that Meta refuses the message of", e, refused
    yield "gets no answer about", e, _to(rules, world, k, UNKNOWN)


def _end(rules, world, k, e, number):
    name, reply = ENDS[number]
    after = bytearray(world)
    if not commits(rules, after, k, e, rules.read[name]):
        yield _fenced_out(world, k, e)
        return
    if reply is not None:
        after[e + REPLY] = reply
    elif name == "DIE" and world[e + REPLY] == SENDING:
        after[e + REPLY] = UNDECIDED
    if name == "RETRY":
        after[e + SETTLED] = 0  # counted from the end of the call
    after[rules.layout.woken] = 1
    yield from _unheard(rules, after, k, e, number, name)
    idle(after, k)
    yield f"commits {name} of", e, after


def _unheard(rules, after, k, e, number, name):
    """The answer of a COMMIT is lost: the same transaction runs once more."""
    if after[rules.layout.faults] and not after[k + AGAIN]:
        again = bytearray(after)
        again[rules.layout.faults] -= 1
        again[k + AGAIN] = number
        yield f"commits {name} and does not hear of it, of", e, again


def _is_killed_by(rules, world, k, e):
    """An event that ends its worker; run apart, it ends only its child, and is buried."""
    if world[e + STARTS] >= SET_APART_FROM:
        yield from _end(rules, world, k, e, BURIED)


def _fenced_out(world, k, e):
    after = bytearray(world)
    idle(after, k)
    return "is fenced out of", e, after


def _to(rules, world, k, phase, *, at=None):
    after = bytearray(world)
    after[k + PHASE] = phase
    if at is not None:
        after[k + AT] = rules.layout.events.index(at)
    return after

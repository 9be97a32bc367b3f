"""Every state that can be reached, breadth first; the first broken sentence by its shortest way."""

import time
from array import array
from dataclasses import dataclass, field
from itertools import pairwise

from instagram_webhooks.states import EventState, ReplyState
from tests.model import around, worker
from tests.model.moving import STUCK, WRONGS, judge, judge_event
from tests.model.world import ABSENT, AT, DUE, EVENT, FLIGHT, PHASE, PHASES, REPLIES, REPLY, STATE, STATES, TIME

LOOK_AT_CLOCK = 2000
OVER = bytes([STATES[EventState.PROCESSED], 0, 1, 0, 0, REPLIES[ReplyState.SENT], 0, 0, 1, 0, 0])
_EVENTS = [*(str(state) for state in EventState), "not there yet"]
_TIMES, _REPLIES = ("never", "later", "due"), ("no reply", *(str(state) for state in ReplyState))


@dataclass
class Found:
    """What a search came to. is_whole: no state was left out. wrong: the broken sentence, or ""."""

    states: int
    seconds: float
    is_whole: bool
    wrong: str = ""
    trace: list = field(default_factory=list)

    def __str__(self):
        how = "up to this one" if self.wrong else "all" if self.is_whole else "not all, the time was up"
        verdict = f"BROKEN: {self.wrong}" if self.wrong else "nothing is lost, doubled, out of order or stuck"
        lines = [f"{self.states} states ({how}) in {self.seconds:.1f} s: {verdict}"]
        return "\n".join(lines + [f"  {number:2}. {line}" for number, line in enumerate(self.trace, start=1)])


def search(rules, *, seconds=3600.0):
    """Looks at every state, and ends with the first that breaks a sentence."""
    return _Search(rules, seconds).run()


def begin(rules):
    """All events stored and due, but the oldest where it is late; a wake-up is on its way."""
    layout = rules.layout
    world = bytearray(layout.size)
    for e in layout.events:
        world[e + TIME] = DUE
    if rules.is_late:
        world[layout.events[0] + STATE], world[layout.events[0] + TIME] = ABSENT, 0
    world[layout.woken], world[layout.faults], world[layout.people] = 1, rules.faults, rules.people
    return settled(rules, world)


def settled(rules, world):
    """
    The state without what makes no difference: how an event ended that nobody can bring back.

    And with a wake-up wherever the sweep finds something: whatever can happen without one can happen with it.
    """
    for e in rules.layout.events:
        state = world[e + STATE]
        if state in rules.ended and not world[e + FLIGHT] and not world[rules.layout.wrong]:
            is_final = state not in rules.left and not (world[rules.layout.people] and state in rules.replayed)
            if (
                is_final
                and not judge_event(world, e)
                and not any(world[k + PHASE] and world[k + AT] == e // EVENT for k in rules.layout.workers)
            ):
                world[e : e + EVENT] = OVER
    if not world[rules.layout.woken] and around.is_offered(rules, world):
        world[rules.layout.woken] = 1
    return rules.layout.settled(world)


def successors(rules, world):
    """(who, what, event or None, whether it may be relied on, next state, not yet settled)."""
    faults = rules.layout.faults
    for n, k in enumerate(rules.layout.workers, start=1):
        for what, e, after in worker.steps(rules, world, k):
            yield n, what, e, after[faults] == world[faults], after
        for what, is_helpful, after in around.of_worker(rules, world, k):
            yield n, what, None, is_helpful, after
    for what, e, after in around.helpful(rules, world):
        yield 0, what, e, True, after
    for what, e, after in around.adverse(rules, world):
        yield 0, what, e, False, after


class _Search:
    """One run over the states of one world."""

    def __init__(self, rules, seconds):
        self.rules, self.seconds, self.begun = rules, seconds, time.monotonic()
        first = begin(rules)
        self.number, self.states, self.parents = {first: 0}, [first], array("q", [-1])
        # What may be relied on leads from state i to targets[starts[i]:starts[i + 1]].
        self.targets, self.starts = array("I"), array("Q", [0])

    def run(self):
        at = 0
        while at < len(self.states):
            if at % LOOK_AT_CLOCK == 0 and time.monotonic() - self.begun > self.seconds:
                return self._found(False)
            broken = self._expand(at)
            if broken:
                return self._found(False, *broken)
            at += 1
        stuck = self._stuck() if STUCK in self.rules.sought else None
        return self._found(True) if stuck is None else self._found(True, STUCK, stuck)

    def _expand(self, at):
        """(the broken sentence, the state's number) where a next state breaks one."""
        rules, number = self.rules, self.number
        for _, _, _, is_helpful, after in successors(rules, self.states[at]):
            state = settled(rules, after)
            known = number.get(state)
            if known is None:
                known = number[state] = len(self.states)
                self.states.append(state)
                self.parents.append(at)
                if broken := judge(rules, state):
                    return broken, known
            if is_helpful:
                self.targets.append(known)
        self.starts.append(len(self.targets))
        return None

    def _stuck(self):
        """The number of the first state from which not every event can come to an end without new faults."""
        good = bytearray(self._is_ended(state) for state in self.states)
        changed = True
        while changed:
            changed = False
            for at in range(len(good) - 1, -1, -1):
                if not good[at] and any(good[t] for t in self.targets[self.starts[at] : self.starts[at + 1]]):
                    good[at] = changed = True
        stuck = good.find(0)
        return None if stuck < 0 else stuck

    def _is_ended(self, world):
        ended = self.rules.ended
        return all(world[e + STATE] in ended or world[e + STATE] == ABSENT for e in self.rules.layout.events)

    def _found(self, is_whole, wrong=0, at=0):
        found = Found(len(self.states), time.monotonic() - self.begun, is_whole, WRONGS[wrong])
        if wrong:
            way = []
            while at >= 0:
                way.append(self.states[at])
                at = self.parents[at]
            found.trace = _told(self.rules, way[::-1])
        return found


def _told(rules, way):
    """The steps from state to state, in words. Workers keep their names, whatever order the states have them in."""
    names, lines = list(range(1, len(rules.layout.workers) + 1)), []
    for before, goal in pairwise(way):
        who, what, e, _, after = next(each for each in successors(rules, before) if _is(rules, each[-1], goal))
        order = rules.layout.order_of(after)
        actor = f"worker {names[who - 1]} " if who else ""
        whom = "" if e is None else f" event {rules.layout.events.index(e) + 1}"
        names = [names[n] for n in order]
        lines.append(f"{actor}{what}{whom}".ljust(76) + _shown(rules, goal, names))
    return lines


def _is(rules, after, goal):
    return settled(rules, bytearray(after)) == goal


def _shown(rules, world, names):
    events = [
        f"{_EVENTS[world[e + STATE]]} ({_TIMES[world[e + TIME]]}, {_REPLIES[world[e + REPLY]]})"
        for e in rules.layout.events
    ]
    workers = [
        f"{name} {PHASES[world[k + PHASE]]}" for name, k in sorted(zip(names, rules.layout.workers, strict=True))
    ]
    return " | ".join(events) + " || " + ", ".join(workers)

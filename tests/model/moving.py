"""
One move of one event, by the fields of its Move alone; and what no move may ever do.

The sentences of WRONGS are the properties. A state in which one is broken carries its number.
"""

from instagram_webhooks.states import EventState, ReplyState, Starts
from tests.model.rules import SET_APART_FROM
from tests.model.world import (
    AHEAD,
    AIMED,
    AT,
    CALLING,
    CHECKED,
    DUE,
    EVENT,
    FENCE,
    FLIGHT,
    HOLDER,
    LATER,
    NOBODY,
    OWNS,
    PHASE,
    REPLIES,
    REPLY,
    SEEN,
    STARTS,
    STATE,
    STATES,
    STOPPED,
    TAKEN,
    TIME,
    UNENDED,
    WORKER,
)

PROCESSING, PROCESSED = STATES[EventState.PROCESSING], STATES[EventState.PROCESSED]
SENDING, SENT = REPLIES[ReplyState.SENDING], REPLIES[ReplyState.SENT]
UNDECIDED = REPLIES[ReplyState.UNDECIDED]
NOT_LEFT = (REPLIES[ReplyState.PLANNED], REPLIES[ReplyState.FAILED])

WRONGS = ("", "a fence falls", "a worker commits after its claim was taken away or ended",
          "a claim whose lease is over begins a call", "a living worker loses a claim whose lease runs",
          "a claim is taken away before its lease is over while its call may be under way",
          "starts is not the number of claims that left no outcome", "two events of a lane are in processing",
          "a message is taken twice", "a message goes before that of an older, open event",
          "an event is processed and its message was not taken", "the ledger is wrong about what has left",
          "a killer is started once more after it should have run apart", "an event can never end")  # fmt: skip
(_, FENCE_FALLS, COMMITS_VOID, REVIVES, ROBS_LIVING, ROBS_CALL, MISCOUNTS, TWO, TWICE, DISORDER, LOST, LEDGER,
 KILLS_ON, STUCK) = range(len(WRONGS))  # fmt: skip


def may(world, e, move, seen=0):
    """Whether the condition of the move holds for the event at `e`. seen: the fence of the mover's claim."""
    return (
        world[e + STATE] in move.before
        and not (move.by_holder and world[e + FENCE] != seen)
        and not (move.when_due and world[e + TIME] != DUE)
        and not (move.while_leased and world[e + TIME] != LATER)
        and not (move.unless_sending and world[e + REPLY] == SENDING)
    )


def is_free(rules, world, e):
    """Whether the unique index lets the event at `e` be in processing."""
    return not rules.one_in_processing or all(
        other == e or world[other + STATE] != PROCESSING for other in rules.layout.events
    )


def wrong(rules, world, number):
    """Notes a broken sentence; the first one stays."""
    if not world[rules.layout.wrong] and number in rules.sought:
        world[rules.layout.wrong] = number


def make(rules, world, e, move, *, claimer=0, is_outcome=False):
    """The effect of a move. claimer: the number of the worker that claims by it, or 0. is_outcome: the holder's."""
    rules.done.add(move.name)
    fence = world[e + FENCE]
    if world[e + STATE] == PROCESSING != move.after and (is_outcome or world[e + TIME] == LATER):
        world[e + UNENDED] = 0
    _write(rules, world, e, move, claimer)
    if world[e + FENCE] < fence:
        wrong(rules, world, FENCE_FALLS)
    _count(rules, world, e, claimer)
    for k in rules.layout.workers:
        if world[k + AT] == e // EVENT and (claimer or move.after != PROCESSING):
            world[k + OWNS] = 0
        if world[k + PHASE] == AIMED and world[k + AT] == e // EVENT and not rules.old_head:
            idle(world, k)  # its statement meets another row than it read, and the condition does not hold
    if move.to_end:
        _to_end(rules, world, e)


def _write(rules, world, e, move, claimer):
    """What inbox/statements.py sets."""
    world[e + STATE], world[e + TIME] = move.after, move.time
    if move.adds_fence:
        world[e + FENCE] += 1
    if move.starts is Starts.RESET:
        world[e + STARTS] = 0
    elif move.starts is Starts.RAISED:
        world[e + STARTS] = min(world[e + STARTS] + 1, rules.most_starts)
    if move.after != PROCESSING:
        world[e + HOLDER], world[e + AHEAD] = NOBODY, 0
    elif claimer:
        world[e + HOLDER] = claimer
    if move.name == "REPLAY" and rules.replay_forgets_fence:
        world[e + FENCE] = 0


def _count(rules, world, e, claimer):
    """The ghost of `starts`. What its lease ran out on has no outcome, whoever takes it from its worker then."""
    if claimer:
        world[e + UNENDED] = min(world[e + UNENDED] + 1, rules.most_starts)
        if rules.kills and world[e + UNENDED] > SET_APART_FROM:
            wrong(rules, world, KILLS_ON)
    if world[e + STARTS] != world[e + UNENDED]:
        wrong(rules, world, MISCOUNTS)


def taken_by_another(rules, world, e, *, self_made=False):
    """Before a move of an event that the mover does not hold. self_made: its worker gives it up, as it ends."""
    if world[e + STATE] != PROCESSING or world[e + TIME] != LATER:
        return
    owners = [k for k in at_work(rules, world, e) if world[k + OWNS]]
    if not self_made and any(not world[k + STOPPED] for k in owners):
        wrong(rules, world, ROBS_LIVING)
    calls = world[e + FLIGHT] or any(world[k + PHASE] in (CHECKED, CALLING) for k in owners)
    if calls and world[e + REPLY] == SENDING:
        wrong(rules, world, ROBS_CALL)


def at_work(rules, world, e):
    """The workers that think they have the event at `e`."""
    place = e // EVENT
    return [k for k in rules.layout.workers if world[k + PHASE] > AIMED and world[k + AT] == place]


def commits(rules, world, k, e, move):
    """A move by the worker at `k`, if the database lets it; whether it did."""
    if not may(world, e, move, world[k + SEEN]) or (move.after == PROCESSING and not is_free(rules, world, e)):
        return False
    if not world[k + OWNS]:
        wrong(rules, world, COMMITS_VOID)
    if move.name == "RENEW" and world[e + TIME] != LATER:
        wrong(rules, world, REVIVES)
    make(rules, world, e, move, is_outcome=True)
    return True


def idle(world, k):
    """The worker at `k` has nothing in hand."""
    world[k : k + WORKER] = bytes(WORKER)


def _to_end(rules, world, e):
    """The last place of the lane; those behind it move up, and workers stay with their events."""
    old, last = rules.layout.events.index(e), len(rules.layout.events) - 1
    end = EVENT * last
    moved = bytes(world[e : e + EVENT])
    world[e:end] = world[e + EVENT : end + EVENT]
    world[end : end + EVENT] = moved
    for k in rules.layout.workers:
        if world[k + PHASE] >= AIMED and world[k + AT] >= old:
            world[k + AT] = last if world[k + AT] == old else world[k + AT] - 1


def judge(rules, world):
    """The number of the sentence that this state breaks, or 0."""
    if world[rules.layout.wrong]:
        return world[rules.layout.wrong]
    busy = 0
    for e in rules.layout.events:
        busy += world[e + STATE] == PROCESSING
        number = judge_event(world, e)
        if number in rules.sought:
            return number
    return TWO if busy > 1 and TWO in rules.sought else 0


def judge_event(world, e):
    reply, taken = world[e + REPLY], world[e + TAKEN]
    if taken > 1:
        return TWICE
    if world[e + STATE] == PROCESSED and not taken:
        return LOST
    if (reply in NOT_LEFT and taken + world[e + FLIGHT]) or (reply == SENT and not taken):
        return LEDGER
    return 0

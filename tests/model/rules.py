"""What is searched: the table of moves that the product imports, and the size of the world."""

from dataclasses import dataclass, field, replace

from instagram_webhooks import states
from instagram_webhooks.states import ReplyState, Wait
from tests.model.world import (
    ANSWERED,
    CHECKED,
    CLAIMED,
    CLEAR,
    DUE,
    LATER,
    NEVER,
    REFUSED,
    REPLIES,
    STATES,
    UNKNOWN,
    Layout,
)  # fmt: skip

SET_APART_FROM = 3  # instagram_webhooks/worker/alone.py runs an event by itself from this start on

_TIMES = {Wait.LEASE: LATER, Wait.NOW: DUE, Wait.LATER: LATER, Wait.NEVER: NEVER}


# The ends of a claim: the move, and what becomes of the reply. None: what it was, but that a death makes
# `undecided` of `sending`. Their numbers are never 0; by phase, those that a worker may commit then. Wherever the
# database failed, the event is tried again; wherever its process stops, handed back.
PLANNED, FAILED, SENT = (REPLIES[state] for state in (ReplyState.PLANNED, ReplyState.FAILED, ReplyState.SENT))
ENDS = (None, ("RETRY", None), ("IGNORE", None), ("DIE", None), ("HAND_BACK", None), ("PROCESS", None),
        ("RETRY", PLANNED), ("DIE", FAILED), ("PROCESS", SENT), ("SUSPEND", None), ("SUSPEND", PLANNED))  # fmt: skip
BURIED, AS_IT_IS, FIRST_SUSPENDED, BEGIN_AGAIN = 3, 5, 9, 200
BY_PHASE = {CLAIMED: (1, 2, 3, 4, 9), CLEAR: (1, 4, 7), CHECKED: (1, 4, 6), ANSWERED: (1, 4, 8),
            REFUSED: (1, 4, 6, 7, 10),
            UNKNOWN: (1, 4)}  # fmt: skip


class Read:
    """A Move, its states and times as the numbers of world.py."""

    __slots__ = ("adds_fence", "after", "before", "by_holder", "name", "starts", "time", "to_end", "unless_sending",
                 "when_due", "while_leased")  # fmt: skip

    def __init__(self, name, move):
        self.name, self.starts, self.time = name, move.starts, _TIMES[move.wait]
        self.before, self.after = frozenset(STATES[state] for state in move.before), STATES[move.after]
        for flag in ("adds_fence", "by_holder", "to_end", "unless_sending", "when_due", "while_leased"):
            setattr(self, flag, getattr(move, flag))


@dataclass
class Rules:
    """
    The table and what the code around it does; the size of the world.

    faults: crashes, stops, lost answers and shutdowns in one history. people: replays and set-asides.
    is_late: the oldest event arrives last. window: a worker may be stopped exactly between its last check
    and the first byte. reads_first: something may happen between a claim's reading whose turn it is and its
    UPDATE; old_head: so much that the event is moved twice meanwhile. parks: accounts are parked.
    kills: the event ends every worker that starts on it.
    """

    events: int = 2
    workers: int = 2
    faults: int = 2
    people: int = 1
    is_late: bool = False
    window: bool = False
    reads_first: bool = True
    old_head: bool = False
    parks: bool = True
    kills: bool = False
    sought: frozenset = frozenset(range(1, 99))  # numbers of moving.WRONGS
    moves: dict = field(default_factory=lambda: dict(states.MOVES))
    may_have_left: tuple = states.MAY_HAVE_LEFT
    has_not_left: tuple = states.HAS_NOT_LEFT
    # What no row of the table says. All are as the product must have them; the flaws change them.
    sweeps: bool = True
    sweeps_expired: bool = True
    rescues_living: bool = False
    one_in_processing: bool = True  # the unique index
    head_by_time: bool = False
    replay_forgets_fence: bool = False
    check_moves_call: bool = True  # a second check before the call notes in the ledger that the call begins only now

    def __post_init__(self):
        self.read = {name: Read(name, move) for name, move in self.moves.items()}
        self.done = set()  # the names of the moves that were made
        self.layout = Layout(self.events, self.workers)
        self.open = frozenset(STATES[state] for state in states.OPEN)
        self.ended = frozenset(STATES[state] for state in states.ENDED)
        self.looked_up = frozenset(REPLIES[state] for state in self.may_have_left)
        self.sendable = frozenset(REPLIES[state] for state in self.has_not_left) | {0}
        by_people = {"REPLAY", "SET_ASIDE"}
        self.left = {state for name, move in self.read.items() if name not in by_people for state in move.before}
        self.replayed = {state for name in by_people for state in self.read[name].before}
        most = len(ENDS) if self.parks else FIRST_SUSPENDED
        self.ends = {phase: [number for number in ends if number < most] for phase, ends in BY_PHASE.items()}
        self.most_starts = SET_APART_FROM + self.kills

    def but(self, **values):
        """These rules with other values."""
        return replace(self, **values)

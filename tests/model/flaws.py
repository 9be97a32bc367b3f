"""
Broken tables and rules. The search must find each, or it proves nothing of the whole ones.

`harm` names the sentence that the flaw breaks. Most are searched for what a customer or a person on call
would see (SEEN); where that cannot come of the flaw, the reason stands beside it.
"""

from dataclasses import dataclass, field, replace

from instagram_webhooks.states import HAS_NOT_LEFT, MAY_HAVE_LEFT, MOVES, EventState, Starts
from tests.model import moving
from tests.model.rules import Rules

SEEN = frozenset({moving.TWICE, moving.DISORDER, moving.LOST, moving.STUCK, moving.KILLS_ON})
HOLDERS = ("RENEW", "PROCESS", "IGNORE", "RETRY", "SUSPEND", "DIE", "HAND_BACK")


@dataclass(frozen=True)
class Flaw:
    """What is broken, in a world just large enough to show it. sought: the sentences it is searched for."""

    harm: int
    moves: dict = field(default_factory=dict)  # by name: the other values of these Moves
    world: dict = field(default_factory=dict)  # other values of Rules
    sought: frozenset = SEEN

    def rules(self):
        changed = {name: replace(MOVES[name], **values) for name, values in self.moves.items()}
        world = {"events": 1, "faults": 1, "people": 0, "parks": False, "reads_first": False} | self.world
        return Rules(moves=MOVES | changed, sought=self.sought, **world)


def only(number):
    """A search for one sentence."""
    return frozenset({number})


KILLER = {"kills": True, "faults": 0}
FLAWS = {
    "no fence check": Flaw(moving.TWICE, {name: {"by_holder": False, "while_leased": False} for name in HOLDERS}),
    "fence not raised at claim": Flaw(moving.TWICE, {name: {"adds_fence": False} for name in ("CLAIM", "RECLAIM")}),
    "fence reset at replay": Flaw(moving.TWICE, world={"replay_forgets_fence": True, "people": 1}),
    # No customer sees it: RENEW asks for a lease too, so no call begins. But a transaction that runs once more
    # counts its attempt again, and buries again what a person has just replayed.
    "finish without state check": Flaw(
        moving.COMMITS_VOID, {name: {"before": tuple(EventState)} for name in HOLDERS}, sought=only(moving.COMMITS_VOID)
    ),
    "sweep off": Flaw(moving.STUCK, world={"sweeps": False, "faults": 0}),
    "sweep ignores expired leases": Flaw(moving.STUCK, world={"sweeps_expired": False}),
    "blind resend": Flaw(moving.TWICE, world={"may_have_left": (), "has_not_left": HAS_NOT_LEFT + MAY_HAVE_LEFT}),
    # No customer sees it: fence and look-up hold. But each rescue of a healthy worker throws its work away, and
    # two of them can do so to each other without end.
    "rescue of living workers": Flaw(
        moving.ROBS_LIVING,
        {"RESCUE": {"unless_sending": False}},
        {"rescues_living": True, "faults": 0},
        only(moving.ROBS_LIVING),
    ),
    # Harmless but for the one window (a stop between check and first byte): there it would take ten seconds of
    # silence instead of a whole lease.
    "rescue while a reply is under way": Flaw(
        moving.ROBS_CALL, {"RESCUE": {"unless_sending": False}}, sought=only(moving.ROBS_CALL)
    ),
    "hand-back at shutdown while a reply is under way": Flaw(
        moving.ROBS_CALL, {"GIVE_BACK": {"unless_sending": False}}, sought=only(moving.ROBS_CALL)
    ),
    "head by due time instead of order": Flaw(moving.DISORDER, world={"head_by_time": True, "events": 2, "faults": 0}),
    "starts counted after work": Flaw(
        moving.KILLS_ON, {name: {"starts": Starts.KEPT} for name in ("CLAIM", "RECLAIM")}, KILLER
    ),
    "starts reset at claim": Flaw(
        moving.KILLS_ON, {name: {"starts": Starts.RESET} for name in ("CLAIM", "RECLAIM")}, KILLER
    ),
    "starts reset by the shutdown of a worker that outlived its lease": Flaw(
        moving.KILLS_ON, {"GIVE_BACK": {"while_leased": False}}, KILLER
    ),
    "starts reset by a rescue": Flaw(moving.KILLS_ON, {"RESCUE": {"starts": Starts.RESET}}, KILLER),
    # Harmless to customers: a row that nobody has taken is taken by nobody while RENEW gives it a new lease. But
    # an event that holds its slot for ever would revive its claim for ever, and never count as a start.
    "last check without the lease": Flaw(
        moving.REVIVES, {"RENEW": {"while_leased": False}}, sought=only(moving.REVIVES)
    ),
    "second check that does not move the call": Flaw(moving.TWICE, world={"check_moves_call": False}),
    # Needs an older event that arrives between a claim's look at the lane and its UPDATE; each message is still
    # sent once, but two workers are at one conversation.
    "no unique index": Flaw(
        moving.TWO,
        world={"one_in_processing": False, "is_late": True, "reads_first": True, "events": 2, "faults": 0},
        sought=only(moving.TWO),
    ),
    "replay into the old place": Flaw(
        moving.DISORDER, {"REPLAY": {"to_end": False}}, {"events": 2, "people": 1, "faults": 0}
    ),
    "nothing is due after a retry": Flaw(moving.STUCK, {"RETRY": {"wait": MOVES["PROCESS"].wait}}, {"faults": 0}),
    "parked for ever": Flaw(moving.STUCK, {"RELEASE": {"before": ()}}, {"parks": True, "faults": 0}),
}

"""
The life of an event: its states, and the legal moves between them.

No other package than inbox/ writes the state column, and every statement there takes its conditions
and its effects from a Move of this table (inbox/statements.py). The exhaustive search of `make model`
walks the same table. Check constraints in the database repeat what a state implies.
"""

from dataclasses import dataclass
from enum import Enum

from django.db import models


class EventState(models.TextChoices):
    """Where an event stands."""

    RECEIVED = "received"  # stored; due at claimable_at
    PROCESSING = "processing"  # a worker has it until claimable_at, the end of its lease
    RETRYING = "retrying"  # failed or must wait; due again at claimable_at
    PROCESSED = "processed"  # done
    IGNORED = "ignored"  # asks for no work; the reason says why
    PARKED = "parked"  # waits for its account to be put right; the reason says what is wrong
    DEAD = "dead"  # a dead letter tells why


_S = EventState
OPEN = (_S.RECEIVED, _S.PROCESSING, _S.RETRYING, _S.PARKED)
CLAIMABLE = (_S.RECEIVED, _S.PROCESSING, _S.RETRYING)
ENDED = (_S.PROCESSED, _S.IGNORED, _S.DEAD)


class Starts(Enum):
    """What a move does to `starts`, the claims in a row that left no outcome."""

    RAISED = "raised"
    RESET = "reset"
    KEPT = "kept"


class Wait(Enum):
    """What a move makes of `claimable_at`."""

    LEASE = "lease"  # the end of a whole lease from now
    NOW = "now"
    LATER = "later"  # after the delay that the caller names
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """
    One legal move: when it may be made, and what it does to the row.

    by_holder: only with the newest fence. when_due: only once claimable_at has come, which for a
    lease is its end. while_leased: only before. unless_sending: not while a reply may be under way.
    adds_fence: every older claim is void from then on. to_end: the event goes to the end of its lane.
    """

    before: tuple[EventState, ...]
    after: EventState
    by_holder: bool = False
    when_due: bool = False
    while_leased: bool = False
    unless_sending: bool = False
    adds_fence: bool = False
    starts: Starts = Starts.RESET
    wait: Wait = Wait.NEVER
    to_end: bool = False


_HELD = (_S.PROCESSING,)

# A worker takes the head of a lane, or an event without one.
CLAIM = Move(before=(_S.RECEIVED, _S.RETRYING), after=_S.PROCESSING, when_due=True, adds_fence=True,
             starts=Starts.RAISED, wait=Wait.LEASE)  # fmt: skip
# Another worker's lease is over.
RECLAIM = Move(before=_HELD, after=_S.PROCESSING, when_due=True, adds_fence=True,
               starts=Starts.RAISED, wait=Wait.LEASE)  # fmt: skip
# The last check before a call to Meta. A lease that is over may be somebody else's in a moment.
RENEW = Move(before=_HELD, after=_S.PROCESSING, by_holder=True, while_leased=True,
             starts=Starts.KEPT, wait=Wait.LEASE)  # fmt: skip
PROCESS = Move(before=_HELD, after=_S.PROCESSED, by_holder=True)
IGNORE = Move(before=_HELD, after=_S.IGNORED, by_holder=True)
RETRY = Move(before=_HELD, after=_S.RETRYING, by_holder=True, wait=Wait.LATER)
SUSPEND = Move(before=_HELD, after=_S.PARKED, by_holder=True)
DIE = Move(before=_HELD, after=_S.DEAD, by_holder=True)
HAND_BACK = Move(before=_HELD, after=_S.RECEIVED, by_holder=True, wait=Wait.NOW)
# Those of events that the mover does not hold.
RESCUE = Move(before=_HELD, after=_S.PROCESSING, while_leased=True, unless_sending=True,
              starts=Starts.KEPT, wait=Wait.NOW)  # fmt: skip
# Not what is past its lease: that is anybody's, and whoever takes it counts a start. Otherwise an event
# that never ends would have its starts forgotten by each worker that it makes end.
GIVE_BACK = Move(before=_HELD, after=_S.RECEIVED, while_leased=True, unless_sending=True, wait=Wait.NOW)
PARK = Move(before=(_S.RECEIVED, _S.RETRYING), after=_S.PARKED, when_due=True)
RELEASE = Move(before=(_S.PARKED,), after=_S.RECEIVED, wait=Wait.NOW)
SET_ASIDE = Move(before=(_S.RECEIVED, _S.RETRYING, _S.PARKED), after=_S.DEAD)
REPLAY = Move(before=(_S.DEAD, _S.IGNORED), after=_S.RECEIVED, wait=Wait.NOW, to_end=True)

MOVES: dict[str, Move] = {name: each for name, each in globals().items() if isinstance(each, Move)}
FIRST = (_S.RECEIVED, _S.IGNORED)  # what the INSERT of inbox/accept.py gives


class ReplyState(models.TextChoices):
    """Where a reply of ours stands."""

    PLANNED = "planned"  # nothing has left, or Meta refused it for now: may be sent without a look-up
    SENDING = "sending"  # the call may have been made: look up before anything else
    SENT = "sent"
    FAILED = "failed"  # Meta refused it for good; nothing was sent
    UNDECIDED = "undecided"  # a person must find out whether it was sent
    WITHHELD = "withheld"  # deliberately not sent; the reason says why


# A reply in one of these may have left: it is looked up before it is sent again.
MAY_HAVE_LEFT = (ReplyState.SENDING, ReplyState.UNDECIDED)
# In one of these nothing has left: it may be sent at once.
HAS_NOT_LEFT = (ReplyState.PLANNED, ReplyState.FAILED)

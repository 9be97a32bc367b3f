"""
The life of an event: its states, and the legal moves between them.

No other module writes the state column but inbox/; check constraints repeat what a state implies.
"""

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

MOVES: dict[EventState, frozenset[EventState]] = {
    _S.RECEIVED: frozenset({_S.PROCESSING, _S.PARKED, _S.IGNORED}),
    # To itself: the lease was lost and another worker claims it. To received: handed back.
    _S.PROCESSING: frozenset({_S.PROCESSED, _S.RETRYING, _S.DEAD, _S.PARKED, _S.IGNORED, _S.RECEIVED, _S.PROCESSING}),
    _S.RETRYING: frozenset({_S.PROCESSING, _S.DEAD, _S.PARKED}),
    _S.PARKED: frozenset({_S.RECEIVED, _S.IGNORED, _S.DEAD}),
    # By replay only.
    _S.DEAD: frozenset({_S.RECEIVED}),
    _S.IGNORED: frozenset({_S.RECEIVED}),
    _S.PROCESSED: frozenset(),
}

OPEN = (_S.RECEIVED, _S.PROCESSING, _S.RETRYING, _S.PARKED)
CLAIMABLE = (_S.RECEIVED, _S.PROCESSING, _S.RETRYING)
ENDED = (_S.PROCESSED, _S.IGNORED, _S.DEAD)


class IllegalMove(Exception):
    """A move that the table does not know: a bug of ours."""


def allow(before: EventState, after: EventState) -> None:
    """Raises IllegalMove unless the table knows the move."""
    if after not in MOVES[before]:
        raise IllegalMove(f"{before} -> {after}")


class ReplyState(models.TextChoices):
    """Where a reply of ours stands."""

    PLANNED = "planned"  # nothing has left, or Meta refused it for now: may be sent without a look-up
    SENDING = "sending"  # the call may have been made: look up before anything else
    SENT = "sent"
    FAILED = "failed"  # Meta refused it for good; nothing was sent
    UNDECIDED = "undecided"  # a person must find out whether it was sent
    WITHHELD = "withheld"  # deliberately not sent; the reason says why

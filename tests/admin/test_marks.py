"""Each state that a page can show has a shape, and a state of another package no other one."""

from audit.pages.marks import SHAPES
from dead_letters.models import BatchState, CauseState, ItemOutcome, Status
from instagram_webhooks.models import AccountState
from instagram_webhooks.states import EventState, ReplyState


def test_every_state_has_a_shape():
    kinds = (EventState, ReplyState, AccountState, Status, CauseState, BatchState, ItemOutcome)
    states = [value for kind in kinds for value in kind.values]

    assert set(SHAPES) == set(states)

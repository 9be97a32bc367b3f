"""Each state that a page can show has a shape, and a state of another package no other one."""

from audit.pages.marks import SHAPES
from dead_letters.models import CauseState, Status
from instagram_webhooks.models import AccountState
from instagram_webhooks.states import EventState, ReplyState


def test_every_state_has_a_shape():
    states = [value for kind in (EventState, ReplyState, AccountState, Status, CauseState) for value in kind.values]

    assert set(SHAPES) == set(states)

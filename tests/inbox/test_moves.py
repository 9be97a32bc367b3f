"""Moves of events that no worker holds."""

import pytest
from django.utils import timezone

from instagram_webhooks.inbox import moves
from tests.builders import an_account
from tests.desk.builders import ACCOUNT, an_event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("state", "released"), [("active", 1), ("token", 0), ("blocked", 0)])
def test_what_is_parked_is_released_only_once_its_account_is_active(state, released):
    since = None if state == "active" else timezone.now()
    an_account(account_id=ACCOUNT, state=state, state_since=since)
    event = an_event(state="parked")

    assert moves.release_forgotten() == released

    event.refresh_from_db()
    assert event.state == ("received" if released else "parked")

"""What a person wants so, or has dealt with, is no alert; what comes after that is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dead_letters import causes
from dead_letters.models import CauseState
from instagram_webhooks.models import Account
from tests.alarms.test_conditions import a_head, later, open_kinds, ops  # noqa: F401 (ops: a fixture)
from tests.builders import an_account
from tests.dead_letters.conftest import buried, graves  # noqa: F401 (fixtures)
from tests.desk.builders import ACCOUNT

pytestmark = pytest.mark.django_db


def test_a_head_whose_account_a_person_paused_is_no_alarm_until_the_pause_is_over(minute):
    now = timezone.now()
    an_account(account_id=ACCOUNT, hand_paused_until=now + timedelta(hours=1))
    a_head(state="retrying", claimable_at=now + timedelta(hours=1))
    minute()
    assert open_kinds() == []

    Account.objects.update(hand_paused_until=now)
    minute()

    assert open_kinds() == ["waiting_head"]


def test_a_cause_that_a_person_opened_again_is_an_alert_when_one_more_dies_of_it_and_not_before(minute, buried):  # noqa: F811
    cause_id = buried().cause_id
    minute()
    for state in (CauseState.ACKNOWLEDGED, CauseState.OPEN):
        assert causes.say(cause_id, state, actor="anna", reason="r")
    later()
    minute()
    assert open_kinds() == []

    buried()
    minute()

    assert open_kinds() == ["recurrence"]

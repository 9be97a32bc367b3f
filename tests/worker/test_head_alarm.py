"""Ops are told of conversations that wait too long: once, of all of them, by reason."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from audit.log import record
from instagram_webhooks.inbox import moves
from instagram_webhooks.models import HeadAlarm
from instagram_webhooks.worker import head_alarm
from tests.builders import knobs
from tests.dead_letters.conftest import Box
from tests.desk.builders import an_event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ops(settings):
    settings.ADMINS = [("ops", "ops@example.org")]


def told(box, **more):
    return head_alarm.send_due(deliver=box, **more)


def a_head(*, minutes=20, state="received", reason="", **telling):
    """The head of a lane of two that has waited for so long."""
    lane, at = uuid7(), timezone.now() - timedelta(minutes=minutes)
    an_event(lane=lane, received_at=timezone.now())
    return an_event(lane=lane, received_at=at, state=state, reason=reason, **telling)


def test_one_message_counts_by_reason_and_names_the_heads_and_nobody():
    first = a_head(minutes=40, state="parked", reason="token")
    record("event.retrying", subject_id=a_head(state="retrying").pk, detail={"code": "graph_failed"})
    a_head()
    a_head(minutes=5)
    box = Box()

    assert told(box) == 3

    ((subject, message),) = box.messages
    assert subject == "3 conversations have waited for over 15 min"
    for line in (
        "1 × its account is parked (token)",
        "1 × waits for its next attempt (graph_failed)",
        "1 × ready, but no worker took it",
    ):
        assert line in message
    assert "The longest for 40 min." in message
    assert str(first.pk) in message


def test_the_same_head_is_told_of_again_only_after_an_hour():
    a_head()
    box = Box()

    assert [told(box, pause_s=0), told(box, pause_s=0)] == [1, 0]
    HeadAlarm.objects.update(told_at=timezone.now() - timedelta(minutes=61))
    assert told(box, pause_s=0) == 1


def test_another_head_waits_for_the_minute_to_be_over():
    a_head()
    box = Box()
    told(box)
    a_head()

    assert told(box) == 0
    assert told(box, pause_s=0) == 1
    assert box.messages[-1][0] == "1 conversation has waited for over 15 min, and 1 told of before"


def test_one_look_a_minute_is_enough_for_all_processes():
    told(Box())
    a_head()

    assert told(Box()) == 0


def test_heads_that_were_told_of_hide_none_behind_them(monkeypatch):
    monkeypatch.setattr(head_alarm, "MOST", 2)
    for minutes in (50, 40):
        a_head(minutes=minutes, state="parked", reason="token")
    box = Box()
    told(box)
    a_head(state="retrying")

    assert told(box, pause_s=0) == 1
    assert "waits for its next attempt" in box.messages[-1][1]


def test_a_failed_delivery_is_no_error_and_is_tried_again_after_the_pause(caplog):
    a_head()

    with caplog.at_level("WARNING", logger="instagram_webhooks.worker.head_alarm"):
        assert told(Box(error=OSError("https://chat.example/secret"))) == 0
    assert "secret" not in caplog.text
    box = Box()
    assert told(box) == 0
    assert told(box, pause_s=0) == 1


def test_a_replay_of_what_came_long_ago_is_no_alarm():
    at = timezone.now() - timedelta(hours=10)
    head = an_event(lane=uuid7(), received_at=at, state="dead")
    moves.replay([head.pk], state="dead", actor="ops", reason="r")

    assert told(Box()) == 0


@pytest.mark.parametrize(("age_s", "admins"), [(0.0, [("ops", "ops@example.org")]), (900.0, [])])
def test_it_can_be_switched_off_and_needs_somebody_to_tell(settings, age_s, admins):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = admins, ""
    a_head()

    with knobs(alert_head_age_s=age_s):
        assert told(Box()) == 0


def test_marks_of_long_ago_are_forgotten():
    HeadAlarm.objects.create(event_id=uuid7(), tried_at=timezone.now() - timedelta(days=2))
    head = a_head()

    told(Box())

    assert set(HeadAlarm.objects.values_list("pk", flat=True)) == {head_alarm.LOOK, head.pk}

"""Once a day Meta is asked about every account; what is wrong is an alert until a later check finds it well."""

import socket
from contextlib import suppress
from datetime import timedelta

import pytest
from celery.schedules import crontab
from django.urls import resolve
from django.utils import timezone

from instagram_webhooks.alarms import message
from instagram_webhooks.conf import UPKEEP_QUEUE
from instagram_webhooks.desk import connection
from instagram_webhooks.desk.daily_check import check_accounts
from instagram_webhooks.models import Account, Incident
from instagram_webhooks.tasks import check_accounts as task
from simulator.graph import GraphSimulator
from tests.builders import ACCOUNT, TOKEN, an_account, knobs
from webhooks_project.settings import CELERY_BEAT_SCHEDULE, CELERY_TASK_ROUTES

pytestmark = pytest.mark.django_db


@pytest.fixture
def graph():
    with GraphSimulator({ACCOUNT: TOKEN}) as simulator, knobs(graph_api_url=simulator.url, graph_deadline_s=2.0):
        yield simulator


def open_ones():
    return {(each.kind, each.facts["account"]) for each in Incident.objects.filter(ended_at=None)}


def test_an_account_that_is_not_subscribed_is_an_alert_until_it_is(graph):
    an_account()

    assert check_accounts() == {"well": 0, "wrong": 1, "unsure": 0}
    assert open_ones() == {("unsubscribed", "@shop")}
    assert "Subscription: none" in Incident.objects.get().facts["said"]
    assert resolve(message.page_of(Incident.objects.get()))

    connection.subscribe(connection.destination(ACCOUNT, TOKEN), [])
    assert check_accounts() == {"well": 1, "wrong": 0, "unsure": 0}
    assert open_ones() == set()


def test_a_token_of_another_account_is_named(graph):
    an_account(account_id="17841400000000043")

    check_accounts()

    assert open_ones() == {("account_check", "@shop")}


def test_a_refused_token_says_nothing_about_the_subscription(graph):
    account = an_account()
    check_accounts()
    account.set_token("IGTEST-another")
    account.save()

    check_accounts()

    assert open_ones() == {("unsubscribed", "@shop"), ("account_check", "@shop")}


def test_a_token_that_cannot_be_opened_is_an_alert_though_meta_was_not_asked(graph):
    an_account()
    Account.objects.update(sealed_token=b"\x03old" + b"0" * 40)

    assert check_accounts() == {"well": 0, "wrong": 1, "unsure": 0}
    assert open_ones() == {("account_check", "@shop")}
    assert "Token: the stored one cannot be opened" in Incident.objects.get().facts["said"]
    assert graph.calls() == []


def test_an_account_that_a_person_paused_is_not_asked_about(graph):
    an_account()
    Account.objects.update(hand_paused_until=timezone.now() + timedelta(hours=1))

    assert check_accounts() == {"well": 0, "wrong": 0, "unsure": 1}
    assert graph.calls() == []


def test_where_meta_does_not_answer_what_was_found_stands(graph):
    an_account()
    check_accounts()
    with knobs(graph_api_url="http://127.0.0.1:1"):
        assert check_accounts() == {"well": 0, "wrong": 0, "unsure": 1}

    assert open_ones() == {("unsubscribed", "@shop")}


def test_a_meta_that_is_away_is_not_waited_for_by_every_account():
    for n in range(6):
        an_account(account_id=str(n))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with knobs(graph_api_url=url, graph_deadline_s=0.2):
            assert check_accounts() == {"well": 0, "wrong": 0, "unsure": 6}

        assert len(list(waiting_at(mute))) == 3


def waiting_at(server):
    """Those who have connected and got no answer."""
    server.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            caller, _ = server.accept()
            caller.close()
            yield caller


def test_an_account_that_is_parked_is_not_asked_about(graph):
    an_account()
    check_accounts()
    Account.objects.update(state="token")

    assert check_accounts()["unsure"] == 1
    assert open_ones() == {("unsubscribed", "@shop")}


def test_it_is_a_daily_job_of_the_upkeep_queue_and_gives_its_result():
    (entry,) = [each for each in CELERY_BEAT_SCHEDULE.values() if each["task"] == task.name]

    assert entry["schedule"] == crontab(hour="2", minute="0")
    assert CELERY_TASK_ROUTES[task.name] == {"queue": entry["options"]["queue"]} == {"queue": UPKEEP_QUEUE}
    assert task.ignore_result is False

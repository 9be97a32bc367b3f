"""What is wrong begins, goes on, becomes graver and ends; what comes and goes is one incident."""

from datetime import timedelta

import pytest
from django.utils import timezone

from instagram_webhooks.alarms import incidents
from instagram_webhooks.alarms.incidents import Seen
from instagram_webhooks.inbox import refusals
from instagram_webhooks.models import Incident
from instagram_webhooks.worker import housekeeping

pytestmark = pytest.mark.django_db
KIND = "account_stopped"
FACTS = {"account": "@shop", "state": "token"}


def is_so(*keys, **more):
    incidents.note({KIND: [Seen(key=key, facts=FACTS) for key in keys]}, **more)


def earlier(**past):
    Incident.objects.filter(ended_at=None).update(seen_at=timezone.now() - timedelta(**past))


def test_what_goes_on_is_one_incident():
    is_so("a")
    is_so("a", "b")

    assert sorted(Incident.objects.values_list("key", "ended_at")) == [("a", None), ("b", None)]


def test_what_is_not_seen_for_a_while_is_over():
    is_so("a", "b")
    earlier(minutes=6)

    is_so("b")

    assert set(Incident.objects.filter(ended_at=None).values_list("key", flat=True)) == {"b"}


def test_what_comes_and_goes_within_the_while_is_one_incident():
    is_so("a")
    earlier(minutes=4)
    is_so()
    is_so("a")

    assert Incident.objects.get().ended_at is None


def test_what_comes_back_after_its_end_is_another_incident():
    is_so("a")
    is_so(lingers_s=0.0)
    is_so("a")

    assert Incident.objects.count() == 2


def test_what_nobody_could_find_out_goes_on():
    is_so("a", "b")

    is_so(lingers_s=0.0, unsure={"account_stopped": ["a"]})

    assert set(Incident.objects.filter(ended_at=None).values_list("key", flat=True)) == {"a"}


def test_kinds_that_were_not_asked_about_stay_as_they_are():
    is_so("a")
    earlier(minutes=60)

    incidents.note({"no_worker": []})

    assert Incident.objects.get().ended_at is None


def test_what_becomes_graver_is_untold_again_and_what_becomes_lighter_is_not():
    steps = []
    for step in (1, 2, 1):
        incidents.note({"token_ends": [Seen(key="a", step=step, facts={"step": step})]})
        steps.append(len(incidents.untold("post")))
        incidents.told("post", incidents.untold("post"))

    assert steps == [1, 1, 0]
    assert Incident.objects.get().facts == {"step": 1}


def test_what_became_graver_while_it_was_told_is_told_again():
    incidents.note({"token_ends": [Seen(key="a", step=1)]})
    as_read = incidents.untold("post")
    incidents.note({"token_ends": [Seen(key="a", step=2)]})

    incidents.told("post", as_read)

    assert len(incidents.untold("post")) == 1


def test_an_end_that_came_while_the_beginning_was_told_is_told_by_the_next_message():
    is_so("a")
    as_read = incidents.untold("post")
    is_so(lingers_s=0.0)

    incidents.told("post", as_read)

    (left,) = incidents.untold("post")
    assert left.posted_at
    assert left.ended_at
    assert not left.end_posted_at


def test_what_ended_days_ago_and_nobody_could_be_told_of_is_no_news():
    is_so("a")
    Incident.objects.update(ended_at=timezone.now() - timedelta(days=2))

    assert incidents.untold("mail") == []


def test_what_ended_long_ago_is_forgotten_and_what_goes_on_is_not():
    is_so("a", "b")
    Incident.objects.filter(key="a").update(ended_at=timezone.now() - timedelta(days=91))

    assert incidents.forget(timezone.now()) == 1
    assert Incident.objects.get().key == "b"


def test_the_daily_tidying_forgets_alerts_and_refusals_of_long_ago():
    is_so("a")
    Incident.objects.update(ended_at=timezone.now() - timedelta(days=91))
    refusals.add({(timezone.now() - timedelta(days=days), "instagram"): (1, 0) for days in (1, 91)})

    assert housekeeping.tidy() == {"workers": 0, "tokens": 0, "answers": 0, "alerts": 1, "refused": 1}


def test_that_it_goes_on_is_written_down_twice_a_minute_and_not_more_often():
    is_so("a")
    before = Incident.objects.get().seen_at
    is_so("a")
    assert Incident.objects.get().seen_at == before
    earlier(seconds=31)
    is_so("a")

    assert Incident.objects.get().seen_at > before

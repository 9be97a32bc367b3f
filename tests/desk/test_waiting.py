"""Each open event says what it waits for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from audit.log import record
from instagram_webhooks.desk.event import shown
from instagram_webhooks.desk.telling import told
from instagram_webhooks.desk.waiting import sentence
from instagram_webhooks.models import Account, Worker
from tests.desk.builders import ACCOUNT, an_event, at

pytestmark = pytest.mark.django_db


def waiting(event):
    (one,) = shown([event], timeline=True)
    return one["waiting"]


def story(event):
    return told(*shown([event], timeline=True))


def retrying(*, code="graph_failed", **telling):
    event = an_event(state="retrying", claimable_at=at(3600), lane=uuid7(), **({"attempts": 1} | telling))
    record("event.retrying", subject_id=event.pk, detail={"code": code})
    return event


def a_worker(*, silent_s, **telling):
    pulse_at = timezone.now() - timedelta(seconds=silent_s)
    usual = {"host": "h", "pid": 1, "pool": "threads", "slots": 5, "started_at": pulse_at, "pulse_at": pulse_at}
    return Worker.objects.create(**usual | telling)


def test_what_is_ready_waits_for_a_worker():
    assert waiting(an_event(lane=uuid7()))["what"] == "worker"
    assert waiting(an_event())["what"] == "worker"


def test_what_stands_behind_another_waits_for_that_event():
    lane = uuid7()
    head, event = an_event(lane=lane, place=1), an_event(lane=lane, place=2)

    assert (waiting(event)["what"], waiting(event)["event_id"]) == ("event", str(head.pk))


def test_a_retry_says_when_and_after_what():
    found = waiting(retrying())

    assert (found["what"], found["until"], found["reason"]) == ("retry", "2026-03-01T10:00:00.000000Z", "graph_failed")
    assert sentence(found) == "Its next attempt, at 2026-03-01 10:00:00 UTC, after graph_failed."


def test_a_retry_of_an_account_that_is_left_alone_says_so():
    Account.objects.create(provider="instagram", account_id=ACCOUNT, paused_until=timezone.now() + timedelta(hours=1))
    event = retrying()

    assert waiting(event)["what"] == "pause"
    assert "It waits: its account is left alone until" in story(event)
    paused_until = waiting(event)["until"]
    assert f"its next attempt is at {paused_until[:10]} {paused_until[11:23]} at the latest" in story(event)


@pytest.mark.parametrize("pause", ["paused_until", "hand_paused_until"])
def test_a_pause_that_is_over_holds_nothing_up(pause):
    Account.objects.create(provider="instagram", account_id=ACCOUNT, **{pause: timezone.now() - timedelta(seconds=1)})

    assert waiting(retrying())["what"] == "retry"


def test_what_waits_for_the_pause_of_its_account_goes_on_at_its_end_and_has_not_failed():
    Account.objects.create(provider="instagram", account_id=ACCOUNT, paused_until=timezone.now() + timedelta(hours=1))
    event = retrying(code="account_paused", attempts=0)

    until = waiting(event)["until"]
    said = f"It waits: its account is left alone until {until[:10]} {until[11:23]}, and it goes on then."
    assert said in story(event)
    assert "attempt" not in story(event).partition("\n")[2].partition("\n")[0]
    assert sentence(waiting(event)) == f"Its account is left alone until {until[:19].replace('T', ' ')} UTC."


def test_what_waited_for_a_pause_that_is_over_has_not_failed_either():
    Account.objects.create(provider="instagram", account_id=ACCOUNT)
    event = retrying(code="account_paused", attempts=0)

    assert "that is over, and it goes on at 10:00:00.000 at the latest." in story(event)
    assert sentence(waiting(event)) == "Its next attempt, at 2026-03-01 10:00:00 UTC."


def test_a_parked_event_says_what_is_wrong_with_its_account():
    found = waiting(an_event(state="parked", lane=uuid7()))

    assert (found["what"], found["reason"]) == ("account", "token")
    assert "Meta refused the account's token" in sentence(found)


@pytest.mark.parametrize(("silent_s", "what"), [(0, "work"), (60, "lease")])
def test_a_claim_says_whether_its_worker_is_alive(silent_s, what):
    worker = a_worker(silent_s=silent_s)
    event = an_event(state="processing", lane=uuid7(), worker_id=worker.pk, claimable_at=at(90))

    assert waiting(event)["what"] == what
    assert ("That worker is silent" in story(event)) == (what == "lease")


def test_a_worker_that_has_stopped_is_silent_from_then_on():
    worker = a_worker(silent_s=0, stopped_at=timezone.now())
    event = an_event(state="processing", lane=uuid7(), worker_id=worker.pk, claimable_at=at(90))

    assert waiting(event)["what"] == "lease"


@pytest.mark.parametrize("state", ["processed", "ignored", "dead"])
def test_what_has_ended_waits_for_nothing(state):
    assert waiting(an_event(state=state)) is None


def test_a_page_of_all_kinds_costs_seven_queries(django_assert_max_num_queries):
    events = [retrying() for _ in range(5)]
    events += [an_event(state="processing", lane=uuid7(), worker_id=a_worker(silent_s=0).pk) for _ in range(5)]

    with django_assert_max_num_queries(7):
        shown(events, timeline=True)


def test_an_event_that_a_person_set_aside_is_told_as_such():
    event = an_event(state="dead")
    record("event.set_aside", subject_id=event.pk, actor="anna", reason="r")

    assert "A person set it aside." in story(event)


@pytest.mark.parametrize(
    ("end", "said"),
    [("event.failed", "It died after 2 attempts (bug)."), ("event.set_aside", "A person set it aside.")],
)
def test_what_was_proved_to_be_sent_and_died_later_is_told_by_its_death(end, said):
    event = an_event(state="dead", attempts=2)
    record("reply.proved", subject_id=event.pk, detail={"echo": str(uuid7())})
    record("event.replayed", subject_id=event.pk, actor="anna", reason="again")
    record(end, subject_id=event.pk, detail={"code": "bug"})

    assert said in story(event)
    assert "an echo proved" not in story(event)

"""An account that Meta does not answer for: left alone, tried with one call, woken when Meta is back."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.errors import LookupPostponed
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.models import Account, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import outbox, pause, waking
from tests.builders import PERSON, a_message, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def known(shop):
    return pause.find(shop.provider, shop.account_id)


def down(shop, *, since_s=0.0, failures=3):
    """After `failures` in a row; the pause ended `since_s` ago, or lasts where that is negative."""
    Account.objects.update(
        unknown_in_a_row=failures, paused_until=timezone.now() - timedelta(seconds=since_s), probe_until=None
    )
    return known(shop)


def at_once(act, count=8):
    """What each of several threads got of an act that all do at the same time."""
    gate = threading.Barrier(count)

    def one(_):
        gate.wait(10)
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def messages(count):
    return stored(*[a_message(f"m-{n}", str(n), sender=str(7000 + n)) for n in range(count)])


def test_after_a_pause_one_of_many_tries_whether_meta_is_back(shop):
    account = down(shop)

    admitted = at_once(lambda: pause.admit(account, attempt=1))

    assert sorted((each.is_probe, each.pause_s > 0) for each in admitted) == [(False, True)] * 7 + [(True, False)]


def test_what_lost_attempts_already_tries_only_where_nothing_else_did_for_a_while(shop):
    assert not pause.admit(down(shop, since_s=1), attempt=2).is_probe

    assert pause.admit(down(shop, since_s=11), attempt=2).is_probe


def test_a_probe_that_fails_doubles_the_pause_up_to_five_minutes(shop):
    pauses = []
    for failures in range(2, 10):
        pause.count_failure(down(shop, failures=failures))
        pauses.append(round(known(shop).pause_s, -1))

    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize("failures", [999, 30_000])
def test_no_row_of_failures_is_too_long_to_be_paused_for(shop, failures):
    pause.count_failure(down(shop, failures=failures))

    found = known(shop)
    assert 200 < found.pause_s <= 300
    assert found.unknown_in_a_row == 1000


def test_failures_of_calls_that_were_under_way_make_a_pause_no_longer(shop):
    account = down(shop, failures=2)

    at_once(lambda: pause.count_failure(account))

    assert 5 < known(shop).pause_s <= 10
    assert known(shop).unknown_in_a_row == 3


def test_any_certain_answer_ends_the_row_of_failures(graph, shop):
    down(shop)
    graph.script(PERSON, ["http:400:100"])
    (event,) = stored(a_message())

    worked(event)

    shop.refresh_from_db()
    assert (event.state, shop.unknown_in_a_row, shop.probe_until) == ("dead", 0, None)


def test_a_probe_that_fails_is_the_only_call_and_the_only_attempt(graph, shop):
    events = messages(4)
    graph.script_all(["http:503*"])
    down(shop)

    for event in events:
        worked(event)

    assert [event.attempts for event in events] == [1, 0, 0, 0]
    assert len(graph.calls()) == 1
    assert 15 < known(shop).pause_s <= 20


def test_a_look_up_is_no_call_that_a_paused_account_may_make(graph, shop):
    graph.script(PERSON, ["http:503"])
    (event,) = stored(a_message())
    worked(event)
    WebhookEvent.objects.update(claimable_at=timezone.now())
    down(shop, since_s=-60)

    worked(event)

    assert (event.state, len(graph.calls()), OutgoingReply.objects.get().is_held) == ("retrying", 1, True)


def test_a_look_up_that_fails_counts_as_a_failure_of_the_account(graph, shop):
    graph.script(PERSON, ["http:503"])
    graph.script(PERSON, ["http:503"], edge="conversations")
    (event,) = stored(a_message())

    for _ in range(2):
        worked(event)

    assert known(shop).unknown_in_a_row == 2


def test_what_was_never_sent_is_sent_without_a_look_up(graph, shop):
    down(shop, since_s=-60)
    (event,) = stored(a_message())
    worked(event)
    WebhookEvent.objects.update(claimable_at=timezone.now())
    Account.objects.update(paused_until=None, unknown_in_a_row=0)

    worked(event)

    assert (event.state, [call.edge for call in graph.calls()]) == ("processed", ["messages"])


def test_one_event_is_woken_to_try_and_the_others_when_meta_is_back(graph, shop):
    events = messages(4)
    down(shop, since_s=-60)
    for event in events:
        worked(event)
    assert waking.wake_held() == 0  # still paused
    down(shop)

    assert waking.wake_held() == 1
    assert waking.wake_held() == 0  # the next turn is an interval later
    worked(events[0])

    assert waking.wake_held() == 3
    for event in events:
        worked(event)
    assert [event.state for event in events] == ["processed"] * 4
    assert [len(graph.taken(str(7000 + n))) for n in range(4)] == [1] * 4
    Account.objects.update(next_wake_at=None)
    waking.wake_held()
    assert not OutgoingReply.objects.filter(is_held=True).exists()


def test_what_tries_whether_meta_is_back_is_one_that_lost_no_attempt_yet(shop):
    tried, untried = messages(2)
    down(shop, since_s=-60)
    for event in (tried, untried):
        worked(event)
    WebhookEvent.objects.filter(pk=tried.pk).update(attempts=2)
    down(shop)

    assert waking.wake_held() == 1

    due = WebhookEvent.objects.filter(claimable_at__lte=timezone.now())
    assert list(due.values_list("pk", "attempts")) == [(untried.pk, 0)]


def test_what_a_worker_has_stays_held_since_it_may_be_about_to_wait_again(shop):
    at_work, awake = messages(2)
    down(shop, since_s=-60)
    for event in (at_work, awake):
        worked(event)
    WebhookEvent.objects.update(claimable_at=timezone.now())
    claims.claim(at_work.pk, worker_id=uuid7())

    outbox.unhold_awake(shop.provider, shop.account_id)

    held = OutgoingReply.objects.filter(is_held=True)
    assert list(held.values_list("event_id", flat=True)) == [at_work.pk]


def test_an_event_that_waits_for_another_reason_is_not_woken(graph):
    graph.script(PERSON, ["429:60"])
    (event,) = stored(a_message())
    worked(event)
    Account.objects.update(paused_until=None)

    assert waking.wake_held() == 0


def test_look_ups_of_all_workers_take_turns(shop):
    account = known(shop)

    def take():
        try:
            pause.take_lookup(account)
        except LookupPostponed as exc:
            return exc.wait_s > 0.5
        return None

    assert at_once(take).count(None) == 1
    Account.objects.update(next_lookup_at=timezone.now())
    assert at_once(take).count(None) == 1


def test_a_second_call_of_a_look_up_waits_for_the_next_turn_and_takes_it(shop):
    account, slept = known(shop), []
    pause.take_lookup(account)

    pause.await_another_lookup(account, sleep=slept.append)

    assert 0.4 < slept[0] <= pause.LOOKUP_EVERY_S
    shop.refresh_from_db()
    assert shop.next_lookup_at > timezone.now() + timedelta(seconds=1)


def test_a_look_up_that_must_wait_for_its_turn_makes_no_call_and_uses_no_attempt(graph):
    graph.script(PERSON, ["http:503"])
    (event,) = stored(a_message())
    worked(event)
    Account.objects.update(next_lookup_at=timezone.now() + timedelta(seconds=9))

    worked(event)

    assert (event.state, event.attempts, len(graph.calls())) == ("retrying", 1, 1)
    assert OutgoingReply.objects.get().lookups == 0

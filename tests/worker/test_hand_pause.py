"""An account that a person paused: nothing is sent until its time or a person ends that, and then what waited is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from instagram_webhooks.models import Account, Conversation, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import by_hand, pause, waking
from tests.builders import PERSON, a_message, stored
from tests.worker import stage
from tests.worker.conftest import worked
from tests.worker.test_outage_manners import down, known, messages

pytestmark = pytest.mark.usefixtures("shop")


def paused(shop, hours=1):
    until = by_hand.pause(shop, hours=hours, actor="anna", reason="maintenance")
    assert until is not None
    return until


def resumed(shop):
    return by_hand.resume(shop, actor="anna", reason="over")


def acts():
    about = AuditEntry.objects.filter(action__startswith="account.").order_by("id")
    return list(about.values_list("action", "actor", "reason"))


def test_what_comes_in_a_pause_is_decided_and_kept_and_goes_out_once_at_its_end(graph, shop):
    paused(shop)
    (event,) = stored(a_message())
    worked(event)
    reply = OutgoingReply.objects.get()
    assert (event.state, event.attempts, reply.state, reply.is_held) == ("retrying", 0, "planned", True)
    assert event.claimable_at >= timezone.now() + timedelta(minutes=59)
    assert (waking.wake_held(), graph.calls()) == (0, [])

    assert resumed(shop)
    assert waking.wake_held() == 1
    worked(event)

    assert (event.state, event.attempts, len(graph.taken(PERSON))) == ("processed", 1, 1)
    assert acts() == [("account.paused", "anna", "maintenance"), ("account.resumed", "anna", "over")]


def test_a_pause_that_is_over_by_itself_wakes_what_waited(graph, shop):
    paused(shop)
    (event,) = stored(a_message())
    worked(event)

    Account.objects.update(hand_paused_until=timezone.now())
    assert waking.wake_held() == 1

    assert worked(event).state == "processed"


def test_the_answer_of_a_call_under_way_is_kept_and_ends_no_pause(graph, shop, monkeypatch):
    stage.hang_in(monkeypatch)
    down(shop)  # so that the call is the one that tries whether Meta is back
    first, second = messages(2)
    run = stage.Run(first.pk, point="worker.sends")
    assert run.is_stalled

    until = paused(shop)
    run.resume()
    worked(second)

    first.refresh_from_db()
    shop.refresh_from_db()
    assert (first.state, shop.unknown_in_a_row, shop.hand_paused_until) == ("processed", 0, until)
    assert (second.state, len(graph.calls())) == ("retrying", 1)


def test_the_failure_of_a_call_under_way_shortens_no_pause_and_is_looked_up_after_it(graph, shop, monkeypatch):
    stage.hang_in(monkeypatch)
    graph.script(PERSON, ["http-after:500:2"])
    (event,) = stored(a_message())
    run = stage.Run(event.pk, point="worker.sends")

    until = paused(shop, hours=4)
    run.resume()
    worked(event)

    shop.refresh_from_db()
    assert (event.state, shop.hand_paused_until, len(graph.calls())) == ("retrying", until, 1)
    assert resumed(shop)
    assert waking.wake_held() == 1
    worked(event)
    assert (event.state, len(graph.taken(PERSON))) == ("processed", 1)


def test_nothing_tries_whether_meta_is_back_in_a_pause(graph, shop):
    account = down(shop)
    paused(shop)

    admitted = pause.admit(account, attempt=1)

    assert not admitted.is_probe
    assert admitted.pause_s > 3000


def test_after_failures_one_call_goes_out_first_when_a_person_resumes(graph, shop):
    down(shop, since_s=-200)
    events = messages(4)
    for event in events:
        worked(event)
    graph.script_all(["http:503*"])

    assert resumed(shop)
    assert waking.wake_held() == 1
    for event in events:
        worked(event)

    assert len(graph.calls()) == 1
    assert known(shop).pause_s > 5  # and left alone again


def test_a_look_up_is_no_call_that_a_pause_lets_out(graph, shop):
    graph.script(PERSON, ["http:503"])
    (event,) = stored(a_message())
    worked(event)
    WebhookEvent.objects.update(claimable_at=timezone.now())
    paused(shop)

    worked(event)

    assert (event.state, len(graph.calls()), OutgoingReply.objects.get().is_held) == ("retrying", 1, True)


def test_a_release_ends_a_pause_for_failures_and_none_by_hand(shop):
    until = paused(shop)
    down(shop, since_s=-60)

    pause.release(shop, actor="anna", reason="block lifted")

    shop.refresh_from_db()
    assert (shop.paused_until, shop.hand_paused_until) == (None, until)


def test_a_pause_is_made_longer_and_never_shorter_and_a_second_click_does_nothing(shop):
    until = paused(shop, hours=4)

    again = [by_hand.pause(shop, hours=hours, actor="anna", reason="again") for hours in (1, 4)]
    longer = paused(shop, hours=24)

    assert again == [None, None]
    assert longer - until > timedelta(hours=19)
    assert [act for act, *_ in acts()] == ["account.paused"] * 2


def test_there_is_nothing_to_resume_where_nothing_is_paused(shop):
    Account.objects.update(hand_paused_until=timezone.now() - timedelta(seconds=1))

    assert not resumed(shop)
    assert acts() == []


def test_whom_a_person_answered_meanwhile_gets_no_automatic_answer_after_the_pause(graph, shop):
    paused(shop)
    (event,) = stored(a_message())
    worked(event)
    Conversation.objects.update(last_human_at=timezone.now())

    resumed(shop)
    waking.wake_held()
    worked(event)

    reply = OutgoingReply.objects.get()
    assert (event.state, reply.state, reply.reason, graph.taken(PERSON)) == ("processed", "withheld", "human", [])


def test_an_answer_that_was_on_its_way_before_a_person_wrote_is_tried_again(graph):
    graph.script(PERSON, ["429:60"])
    (event,) = stored(a_message())
    worked(event)
    Conversation.objects.update(last_human_at=timezone.now())
    Account.objects.update(paused_until=None)
    WebhookEvent.objects.update(claimable_at=timezone.now())

    worked(event)

    assert (event.state, OutgoingReply.objects.get().state, len(graph.taken(PERSON))) == ("processed", "sent", 1)


def test_a_wait_that_meta_named_is_not_ended_by_hand(shop):
    until = timezone.now() + timedelta(hours=1)
    Account.objects.update(paused_until=until)
    assert not resumed(shop)
    paused(shop)

    assert resumed(shop)

    shop.refresh_from_db()
    assert (shop.paused_until, shop.hand_paused_until) == (until, None)

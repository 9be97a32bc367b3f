"""What each failure makes of an event, its reply and its account; and how it comes back."""

from datetime import timedelta

import pytest
from django.db import DataError
from django.utils import timezone

from audit.models import AuditEntry
from dead_letters import review
from dead_letters.models import DeadLetter
from instagram_webhooks.errors import GraphUnreachable
from instagram_webhooks.inbox import accept as door
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish, moves
from instagram_webhooks.models import Account, EventPayload, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import pause
from instagram_webhooks.worker import work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.retries import TryAgain
from tests.builders import PERSON, TOKEN, a_message, an_account, an_echo, an_item, knobs, now_ms, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def until_ended(event, most=12):
    """The row after as many wake-ups as it needs."""
    for _ in range(most):
        worked(event)
        if event.state not in ("received", "retrying"):
            break
        WebhookEvent.objects.filter(pk=event.pk).update(claimable_at=timezone.now() - timedelta(seconds=1))
        Account.objects.update(paused_until=None, next_lookup_at=None)
    return event


def test_a_permanent_error_is_a_dead_letter_at_once(graph):
    graph.script(PERSON, ["http:400:100:2534014"])
    (event,) = stored(a_message())

    worked(event)

    letter = DeadLetter.objects.get()
    assert (event.state, event.attempts, letter.status) == ("dead", 1, "open")
    assert (letter.error_class, letter.upstream_code, letter.upstream_subcode) == (
        "GraphRefused",
        100,
        2534014,
    )
    assert OutgoingReply.objects.get().state == "failed"
    assert AuditEntry.objects.get(action="event.failed").subject_id == event.pk


def test_a_dead_event_is_replayed_to_processed_with_one_reply(graph):
    graph.script(PERSON, ["http:400:100"])
    (event,) = stored(a_message())
    worked(event)

    (outcome,) = review.replay([DeadLetter.objects.get().pk], reason="permission is back", actor="ops")
    worked(event)

    assert outcome.is_done
    assert (event.state, len(graph.taken(PERSON))) == ("processed", 1)
    assert DeadLetter.objects.get().status == "replayed"


@pytest.mark.parametrize("answer", ["http:500", "http:503:2", "http:400:2", "reset-before", "not-json"])
def test_an_unknown_outcome_is_looked_up_before_anything_is_sent_again(graph, answer):
    graph.script(PERSON, [answer])
    (event,) = stored(a_message())

    until_ended(event)

    assert event.state == "processed"
    assert len(graph.taken(PERSON)) == 1
    assert [call.edge for call in graph.calls(PERSON)][:2] == ["messages", "conversations"]


@pytest.mark.parametrize("answer", ["http-after:500", "reset-after", "timeout-after:9", "not-json-after"])
def test_a_reply_that_arrived_is_found_and_never_sent_again(graph, answer):
    graph.script(PERSON, [answer])
    (event,) = stored(a_message())

    until_ended(event)

    assert event.state == "processed"
    assert [call.edge for call in graph.calls(PERSON)].count("messages") == 1
    assert OutgoingReply.objects.get().message_digest is not None


def test_a_stored_echo_proves_that_the_reply_left(graph):
    graph.script(PERSON, ["http-after:500"])
    graph.script(PERSON, ["http:500*"], edge="conversations")
    (event,) = stored(a_message())
    worked(event)
    stored(an_echo(graph.taken(PERSON)[0].mid, "re hello"), correlation_id="request-2")

    until_ended(event)

    assert (event.state, len(graph.taken(PERSON))) == ("processed", 1)


def test_what_fails_for_ever_dies_after_the_last_attempt_and_its_look_up(graph):
    graph.script(PERSON, ["http:500:2*"])
    (event,) = stored(a_message())

    until_ended(event)

    letter = DeadLetter.objects.get()
    assert (event.state, letter.attempts, letter.upstream_code) == ("dead", 3, 2)
    edges = [call.edge for call in graph.calls(PERSON)]
    assert (edges.count("messages"), edges[-1]) == (3, "conversations")
    assert OutgoingReply.objects.get().state == "failed"


def test_a_look_up_that_is_refused_leaves_the_reply_as_unknown_as_it_was(graph):
    graph.script(PERSON, ["http-after:500"])
    graph.script(PERSON, ["http:400:190"], edge="conversations")
    (event,) = stored(a_message())

    worked(event)
    WebhookEvent.objects.update(claimable_at=timezone.now())
    worked(event)

    assert (event.state, event.reason) == ("parked", "token")
    assert OutgoingReply.objects.get().state == "sending"
    pause.release(Account.objects.get(), actor="ops")
    until_ended(event)
    assert (event.state, len(graph.taken(PERSON))) == ("processed", 1)


def test_a_reply_that_cannot_be_decided_is_for_a_person(graph):
    graph.script(PERSON, ["http:500"])
    graph.script(PERSON, ["http:400:100*"], edge="conversations")
    (event,) = stored(a_message())

    until_ended(event)

    assert (event.state, DeadLetter.objects.get().code) == ("dead", "reply_undecided")
    assert OutgoingReply.objects.get().state == "undecided"


def test_the_replay_of_an_undecided_reply_looks_it_up_and_sends_it_only_if_it_is_not_there(graph):
    sent, unsent = "7001", "7002"
    events = stored(a_message("m-1", sender=sent), a_message("m-2", sender=unsent))
    for person, answer, event in ((sent, "http-after:500", events[0]), (unsent, "http:500", events[1])):
        graph.script(person, [answer])
        graph.script(person, ["http:400:100"], edge="conversations")
        until_ended(event)
    letters = list(DeadLetter.objects.values_list("id", flat=True))

    review.replay(letters, reason="the listing answers again", actor="ops")
    for event in events:
        until_ended(event)

    assert [event.state for event in events] == ["processed", "processed"]
    assert [len(graph.taken(person)) for person in (sent, unsent)] == [1, 1]


@pytest.mark.parametrize(
    ("answer", "state"), [("http:500", "sending"), ("http:400:4", "planned"), ("http:400:100", "failed")]
)
def test_the_ledger_knows_of_every_call_that_failed_when_it_ended(graph, answer, state):
    graph.script(PERSON, [answer])
    (event,) = stored(a_message())

    worked(event)

    reply = OutgoingReply.objects.get()
    assert (reply.state, bool(reply.error_code)) == (state, True)
    assert reply.called_at < reply.ended_at


@pytest.mark.parametrize("code", [4, 17, 32, 613, 80002])
def test_throttling_without_a_named_wait_takes_the_ladder_and_counts(graph, code):
    graph.script(PERSON, [f"http:400:{code}"])
    (event,) = stored(a_message())

    worked(event)

    assert (event.state, event.attempts) == ("retrying", 1)
    assert OutgoingReply.objects.get().state == "planned"
    until_ended(event)
    assert (event.state, len(graph.taken(PERSON))) == ("processed", 1)


def test_a_wait_that_meta_names_uses_no_attempt_and_pauses_the_account(graph, shop):
    graph.script(PERSON, ["usage:7"])
    (event,) = stored(a_message())

    worked(event)

    shop.refresh_from_db()
    assert (event.state, event.attempts) == ("retrying", 0)
    assert timedelta(minutes=6) < event.claimable_at - timezone.now() < timedelta(minutes=8)
    assert shop.paused_until > timezone.now() + timedelta(minutes=6)


def test_a_paused_account_makes_no_call_and_uses_no_attempt(graph, shop):
    Account.objects.update(paused_until=timezone.now() + timedelta(seconds=60))
    (event,) = stored(a_message())

    worked(event)

    assert (event.state, event.attempts, graph.calls()) == ("retrying", 0, [])
    assert OutgoingReply.objects.get().state == "planned"


def test_three_unknown_outcomes_in_a_row_pause_the_account_and_a_success_forgets_them(graph, shop):
    people = [str(7000 + n) for n in range(3)]
    events = stored(*[a_message(f"m-{person}", sender=person) for person in people])
    for person, event in zip(people, events, strict=True):
        graph.script(person, ["http:500"])
        worked(event)

    shop.refresh_from_db()
    assert shop.paused_until > timezone.now() + timedelta(seconds=5)
    until_ended(events[0])
    shop.refresh_from_db()
    assert shop.unknown_in_a_row == 0


def test_a_refused_token_parks_the_account_and_a_new_one_releases_in_order(graph, shop):
    graph.settings(accounts={shop.account_id: "a newer token"})
    now = now_ms()
    first, second = stored(a_message("m-1", "one", timestamp=now), a_message("m-2", "two", timestamp=now + 1))

    worked(first)
    worked(second)
    second.refresh_from_db()

    shop.refresh_from_db()
    assert [(each.state, each.reason) for each in (first, second)] == [("parked", "token")] * 2
    assert (shop.state, DeadLetter.objects.count()) == ("token", 0)
    shop.set_token("a newer token")
    shop.save()
    assert pause.release(shop, actor="ops") == 2
    worked(second)
    assert [call.text for call in graph.taken(PERSON)] == ["re one", "re two"]


def test_code_368_parks_the_account_as_blocked(graph, shop):
    graph.script(PERSON, ["http:400:368"])
    (event,) = stored(a_message())

    worked(event)

    shop.refresh_from_db()
    assert (event.state, event.reason, shop.state) == ("parked", "blocked", "blocked")


def test_events_of_an_unknown_account_wait_for_it():
    (event,) = stored(
        an_item(recipient="17841499999999999", message={"mid": "m", "text": "x"}), account="17841499999999999"
    )
    worked(event)
    assert (event.state, event.reason) == ("parked", "unknown_account")

    an_account(account_id="17841499999999999")
    released = moves.release_forgotten()

    event.refresh_from_db()
    assert (released, event.state) == (1, "received")


@pytest.mark.parametrize("policy", ["buggy", "wrong_type"])
def test_a_bug_of_the_policy_buries_the_event_at_once_with_redacted_frames(graph, policy):
    (event,) = stored(a_message())

    with knobs(reply_policy=f"tests.policies.{policy}"):
        worked(event)

    letter = DeadLetter.objects.get()
    assert (event.state, letter.code, graph.calls()) == ("dead", "bug", [])
    assert letter.frames
    assert "own mistake" not in f"{letter.summary}{letter.frames}"


@pytest.mark.parametrize(("policy", "state"), [("retryable", "retrying"), ("refusing", "dead")])
def test_an_error_of_the_tree_from_the_policy_decides(policy, state):
    (event,) = stored(a_message())

    with knobs(reply_policy=f"tests.policies.{policy}"):
        worked(event)

    assert event.state == state


def test_a_wait_without_end_from_the_policy_ends_within_a_day():
    (event,) = stored(a_message())

    with knobs(reply_policy="tests.policies.waiting_for_ever"):
        worked(event)

    assert event.state == "retrying"
    assert event.claimable_at < timezone.now() + timedelta(hours=25)


def test_an_event_whose_outcome_cannot_be_written_is_buried_as_a_bug(monkeypatch):
    def fails(*_args, **_more):
        raise DataError("interval out of range")

    monkeypatch.setattr(finish, "retrying", fails)
    (event,) = stored(a_message())

    with knobs(reply_policy="tests.policies.retryable"):
        worked(event)

    assert (event.state, DeadLetter.objects.get().code) == ("dead", "bug")


def test_an_unreadable_body_is_a_dead_letter():
    (event,) = stored("no object")

    worked(event)

    assert (event.state, DeadLetter.objects.get().code) == ("dead", "unreadable")


def test_a_purged_payload_is_a_dead_letter_that_says_so():
    (event,) = stored(a_message())
    EventPayload.objects.all().delete()

    worked(event)

    assert (event.state, DeadLetter.objects.get().code) == ("dead", "payload_gone")


def test_a_failed_event_is_raised_for_celery_after_its_row_was_committed(graph):
    graph.script(PERSON, ["http:400:4"])
    (event,) = stored(a_message())

    with knobs(retry_delays_s=(60.0,)), pytest.raises(TryAgain) as raised:
        work.process(event.pk)

    event.refresh_from_db()
    assert (raised.value.event_id, raised.value.wait_s, event.state) == (event.pk, 60.0, "retrying")


def test_a_stopping_worker_hands_back_what_is_not_on_its_way(graph):
    (event,) = stored(a_message())
    life.stopping.set()

    worked(event)

    assert (event.state, event.attempts, event.starts, graph.calls()) == ("received", 0, 0, [])


def test_a_worker_whose_lease_is_lost_during_the_call_writes_nothing(graph):
    (event,) = stored(a_message())
    claim = claims.claim(event.pk, worker_id=life.worker_id)
    WebhookEvent.objects.update(claimable_at=timezone.now() - timedelta(seconds=1))
    successor = claims.claim(event.pk, worker_id=event.pk)

    assert work._settle(claim) is None

    event.refresh_from_db()
    assert (event.state, event.fence, successor.fence, graph.calls()) == ("processing", 2, 2, [])


def test_the_wire_keeps_no_token_in_any_row(graph):
    (event,) = stored(a_message())
    worked(event)

    account = Account.objects.get()
    assert TOKEN.encode() not in bytes(account.sealed_token)
    assert account.token() == TOKEN


@pytest.mark.parametrize("has_older", [True, False])
def test_an_older_event_that_came_while_the_lane_was_busy_is_offered_when_that_fails(has_older, monkeypatch):
    (event,) = stored(a_message("m-1"))
    older, offered = [], []

    def fails(claim, *_):
        if has_older:
            older.extend(stored(a_message("m-0", timestamp=now_ms() - 60_000), correlation_id="request-2"))
            work.process(older[0].pk)  # its wake-up finds the lane busy
        raise GraphUnreachable

    monkeypatch.setattr(work.answering, "answer", fails)
    monkeypatch.setattr(door.group, "_then", lambda stored: None)  # what the door offers goes elsewhere
    monkeypatch.setattr(work.wake_ups, "offer", offered.append)
    with pytest.raises(TryAgain):
        work.process(event.pk)

    assert offered == [[each.pk] for each in older]

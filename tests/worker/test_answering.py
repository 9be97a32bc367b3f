"""One event from its claim to its end, when all goes well or is deliberately not answered."""

import dataclasses
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEntry
from dead_letters.models import DeadLetter
from instagram_webhooks.events import Content
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.models import Account, Conversation, Message, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import lookup, pause, thread
from instagram_webhooks.worker import work
from instagram_webhooks.worker.life import life
from tests import policies
from tests.builders import PERSON, a_message, an_echo, an_item, knobs, now_ms, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def test_a_message_is_stored_answered_and_audited_once(graph):
    (event,) = stored(a_message("m-1", "hello"))

    worked(event)
    worked(event)

    assert [(call.recipient, call.text) for call in graph.taken(PERSON)] == [(PERSON, "re hello")]
    assert (event.state, event.attempts, event.starts) == ("processed", 1, 0)
    reply = OutgoingReply.objects.get()
    assert (reply.state, reply.message_digest is not None) == ("sent", True)
    assert list(Message.objects.order_by("stored_at").values_list("author", flat=True)) == [
        "customer",
        "service",
    ]
    assert Conversation.objects.get(pk=event.conversation_id).last_reply_at is not None
    assert [entry.action for entry in AuditEntry.objects.filter(subject_id=event.pk)] == ["event.processed"]


def test_what_meta_answered_is_kept_where_the_account_cannot_be_written(graph, monkeypatch):
    (event,) = stored(a_message("m-1", "hello"))

    def fails(_account):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(pause, "count_answer", fails)
    worked(event)

    reply = OutgoingReply.objects.get()
    assert (event.state, reply.state, reply.message_digest is not None) == ("processed", "sent", True)


def test_an_event_that_is_ignored_is_not_told_as_processed(caplog):
    deletion, message = a_message("m-1", message={"is_deleted": True}), a_message("m-1", timestamp=now_ms() + 1)
    for number, item in enumerate((deletion, message)):
        (event,) = stored(item, correlation_id=f"request-{number}")
        worked(event)

    assert [line.message for line in caplog.records if line.message.startswith("event.")] == [
        "event.processed",
        "event.ignored",
    ]


def test_a_refusal_is_kept_where_the_account_cannot_be_written(graph, monkeypatch):
    (event,) = stored(a_message("m-1", "hello"))
    graph.script(PERSON, ["http:400:100"])

    def fails(_account):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(pause, "count_answer", fails)
    worked(event)

    assert (event.state, DeadLetter.objects.get().code) == ("dead", "graph_refused")


def test_one_wake_up_works_off_the_lane_in_order(graph):
    now = now_ms()
    events = stored(*[a_message(f"m-{n}", str(n), timestamp=now + n) for n in range(5)])

    worked(events[3])

    assert [call.text for call in graph.taken(PERSON)] == [f"re {n}" for n in range(5)]


def test_one_wake_up_takes_at_most_eight_events(graph):
    events = stored(*[a_message(f"m-{n}", str(n)) for n in range(12)])

    worked(events[0])

    assert WebhookEvent.objects.filter(state="processed").count() == 8


def test_the_policy_sees_the_conversation_so_far():
    now = now_ms()
    first, _ = stored(a_message("m-1", "one", timestamp=now), a_message("m-2", "two", timestamp=now + 1))
    policies.seen.clear()

    worked(first)

    second_context = policies.seen[-1]
    assert second_context.text == "two"
    assert second_context.last_reply_at is not None
    assert [(past.author, past.text) for past in policies.histories[-1]] == [
        ("customer", "one"),
        ("service", "re one"),
    ]


@pytest.mark.parametrize(
    ("policy", "reply"), [("silent", ("withheld", "not_today")), ("nothing", None), ("repeat", ("sent", ""))]
)
def test_what_a_policy_answers_is_what_happens(policy, reply):
    (event,) = stored(a_message())

    with knobs(reply_policy=f"tests.policies.{policy}"):
        worked(event)

    found = OutgoingReply.objects.values_list("state", "reason").first()
    assert (event.state, found) == ("processed", reply)


@pytest.mark.parametrize(
    ("change", "state", "reply"),
    [
        ({"replies": "off"}, "processed", ("withheld", "switched_off")),
        ({"state": "token"}, "parked", None),
        ({"paused_until": timezone.now() + timedelta(hours=1)}, "retrying", ("planned", "")),
    ],
)
def test_what_happens_to_an_account_while_a_policy_thinks_long_holds_for_its_answer(
    graph, monkeypatch, change, state, reply
):
    monkeypatch.setattr("instagram_webhooks.replies.pause.FRESH_S", 0.0)  # it thought for longer
    policies.meanwhile[:] = [lambda: Account.objects.update(**change)]
    (event,) = stored(a_message())

    with knobs(reply_policy="tests.policies.thinking"):
        worked(event)

    found = OutgoingReply.objects.values_list("state", "reason").first()
    assert (event.state, found, graph.calls()) == (state, reply, [])


def test_an_account_that_is_switched_off_during_a_look_up_sends_nothing_after_it(graph, monkeypatch):
    monkeypatch.setattr("instagram_webhooks.replies.pause.FRESH_S", 0.0)
    graph.script(PERSON, ["http:500:2"])
    (event,) = stored(a_message())
    worked(event)
    begun = len(graph.calls())

    def absent(*_args):
        Account.objects.update(replies="off")

    monkeypatch.setattr(lookup, "resolve", absent)
    worked(event)

    assert (event.state, OutgoingReply.objects.get().reason, len(graph.calls())) == ("processed", "switched_off", begun)


def test_a_tap_without_an_id_stands_once_though_the_answer_of_its_commit_was_lost():
    (event,) = stored(an_item(postback={"title": "Hours", "payload": "HOURS"}))
    worked(event)

    (again,) = stored(an_item(postback={"title": "Hours", "payload": "HOURS"}))
    claim = claims.claim(again.pk, worker_id=life.worker_id)
    for _ in range(2):
        thread.add(claim, Content(text="Hours"), Message.Author.CUSTOMER)

    assert Message.objects.filter(author="customer").count() == 2


@pytest.mark.parametrize(("mode", "reason", "asked"), [("off", "switched_off", 0), ("shadow", "shadow", 1)])
def test_replies_can_be_switched_off_without_stopping_intake(graph, mode, reason, asked):
    (event,) = stored(a_message())
    policies.seen.clear()

    with knobs(replies=mode):
        worked(event)

    assert (event.state, len(policies.seen), len(graph.calls())) == ("processed", asked, 0)
    assert OutgoingReply.objects.get().reason == reason
    assert Message.objects.count() == 1


@pytest.mark.parametrize(
    ("of_account", "of_settings", "reason"),
    [("on", "on", ""), ("on", "shadow", "shadow"), ("shadow", "on", "shadow"), ("shadow", "off", "switched_off"),
     ("off", "on", "switched_off"), ("off", "shadow", "switched_off")],
)  # fmt: skip
def test_of_account_and_settings_the_stricter_decides_what_is_sent(graph, of_account, of_settings, reason):
    Account.objects.update(replies=of_account)
    (event,) = stored(a_message())

    with knobs(replies=of_settings):
        worked(event)

    reply = OutgoingReply.objects.get()
    assert (event.state, reply.reason, len(graph.calls())) == ("processed", reason, 0 if reason else 1)


def test_one_account_can_be_silenced(shop, graph):
    (event,) = stored(a_message())
    type(shop).objects.update(replies="off")

    worked(event)

    assert (OutgoingReply.objects.get().reason, len(graph.calls())) == ("switched_off", 0)


def test_nothing_is_answered_later_than_a_day_after_it_was_written(graph):
    (event,) = stored(a_message(timestamp=now_ms() - 24 * 3600 * 1000 - 1000))

    worked(event)

    assert (event.state, OutgoingReply.objects.get().reason) == ("processed", "window_closed")
    assert (len(graph.calls()), Message.objects.count()) == (0, 1)


def test_a_standby_message_is_read_and_never_answered(graph):
    (event,) = stored(a_message(), lane="standby")

    worked(event)

    assert (event.state, Message.objects.count(), OutgoingReply.objects.count(), len(graph.calls())) == (
        "processed", 1, 0, 0)  # fmt: skip


def test_a_tap_that_arrives_as_message_and_as_postback_is_answered_once(graph):
    postback = an_item(postback={"mid": "m-1", "title": "Hours", "payload": "HOURS"})
    message, tap = stored(a_message("m-1", "Hours"), postback)

    worked(message)

    tap.refresh_from_db()
    assert (tap.state, len(graph.taken(PERSON))) == ("processed", 1)
    assert sorted(OutgoingReply.objects.values_list("state", "reason")) == [
        ("sent", ""),
        ("withheld", "answered"),
    ]


def test_an_echo_of_our_own_reply_confirms_it(graph):
    (event,) = stored(a_message())
    worked(event)
    (echo,) = stored(an_echo(graph.taken(PERSON)[0].mid, "re hello"), correlation_id="request-2")

    worked(echo)

    assert OutgoingReply.objects.get().echoed_at is not None
    assert Conversation.objects.get().last_human_at is None
    assert Message.objects.count() == 2


def test_an_echo_that_is_not_ours_means_that_a_person_answered(graph):
    (event,) = stored(an_echo("m-person", "I will look"))

    worked(event)

    assert Conversation.objects.get().last_human_at is not None
    assert Message.objects.get().author == "person"
    assert graph.calls() == []


def test_an_echo_waits_while_a_reply_may_be_on_its_way():
    (event,) = stored(a_message("m-1"))
    work.process(event.pk)
    OutgoingReply.objects.update(state="sending", sent_at=None, message_digest=None)
    (echo,) = stored(an_echo("m-2", "re hello"), correlation_id="request-2")

    worked(echo)

    assert (echo.state, echo.attempts) == ("retrying", 0)


def test_a_deletion_leaves_a_tombstone_and_takes_the_text():
    message, deletion = stored(a_message("m-1"), a_message("m-1", message={"is_deleted": True}))

    worked(message)

    deletion.refresh_from_db()
    assert deletion.state == "processed"
    row = Message.objects.get(author="customer")
    assert (row.sealed, row.deleted_at is not None) == (None, True)


def test_a_message_that_comes_after_its_deletion_is_ignored(graph):
    (deletion,) = stored(a_message("m-1", message={"is_deleted": True}))
    worked(deletion)
    (message,) = stored(a_message("m-1", timestamp=now_ms() + 1), correlation_id="request-2")

    worked(message)

    assert (message.state, message.reason, len(graph.calls())) == ("ignored", "deleted", 0)


def test_an_edit_replaces_the_text_and_the_highest_number_wins():
    now = now_ms()
    (message, *_) = stored(
        a_message("m-1", "one", timestamp=now),
        an_item(message_edit={"mid": "m-1", "text": "three", "num_edit": 2}, timestamp=now + 1),
        an_item(message_edit={"mid": "m-1", "text": "two", "num_edit": 1}, timestamp=now + 2),
    )

    worked(message)

    assert thread.opened(Message.objects.get(author="customer"))["text"] == "three"


def test_a_reaction_is_kept_and_never_answered(graph):
    (message,) = stored(a_message("m-1"))
    worked(message)
    (reaction,) = stored(an_item(reaction={"mid": "m-1", "action": "react", "emoji": "x"}), correlation_id="r-2")

    worked(reaction)

    assert (reaction.state, len(graph.taken(PERSON))) == ("processed", 1)
    assert Message.objects.get(author="customer").sealed_reaction is not None


def test_a_kind_without_a_handler_is_ignored_and_can_be_seen():
    (event,) = stored(an_item(referral={"ref": "x", "source": "y", "type": "OPEN_THREAD"}))

    worked(event)

    assert (event.state, event.reason) == ("ignored", "no_handler")


def test_the_default_policy_acknowledges_once_in_twelve_hours_and_not_after_a_person(graph):
    now = now_ms()
    first, *_ = stored(*[a_message(f"m-{n}", timestamp=now + n) for n in range(2)])
    with knobs(reply_policy="instagram_webhooks.replies.policy.acknowledge", ack_text="thanks"):
        worked(first)
        Conversation.objects.update(
            last_human_at=first.received_at, last_reply_at=first.received_at - timedelta(days=1)
        )
        (third,) = stored(a_message("m-3", timestamp=now + 9), correlation_id="request-2")
        worked(third)

    assert [call.text for call in graph.taken(PERSON)] == ["thanks"]
    assert sorted(OutgoingReply.objects.values_list("reason", flat=True)) == ["", "cooldown", "human"]


def test_an_answered_event_costs_no_more_statements_than_it_did():
    """A guard with a margin: a doubling of the cost is noticed, a statement more is not."""
    warm_up, event = stored(a_message("m-1", sender="1"), a_message("m-2", sender="2"))
    worked(warm_up)

    with CaptureQueriesContext(connection) as queries:
        work.process(event.pk)

    assert len(queries) <= 30
    assert sum(query["sql"].startswith(("BEGIN", "COMMIT")) for query in queries) <= 8


def test_settings_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.WEBHOOKS.lease_s = 1

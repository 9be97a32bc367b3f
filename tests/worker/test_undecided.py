"""A reply that nobody knows to have arrived: a person decides, or a late echo does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from dead_letters import review
from dead_letters.models import DeadLetter
from instagram_webhooks.desk.set_aside import set_aside
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.models import Conversation, Message, OutgoingReply, WebhookEvent
from tests.admin.pages import said, shown
from tests.builders import PERSON, a_message, an_echo, now_ms, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")
LETTERS = "/admin/dead_letters/deadletter/"
BECAUSE = {"reason": "I looked", "actor": "anna"}


@pytest.fixture
def undecided(graph):
    """A dead event whose reply may have left, and did not arrive at Meta's stand-in."""
    graph.script(PERSON, ["reset-before"])
    (event,) = stored(a_message("m-1", "hello"))
    worked(event)
    assert set_aside(event.pk, actor="anna", reason="the customer waits")
    event.refresh_from_db()
    assert OutgoingReply.objects.get().state == "undecided"
    assert the_letter().summary == "A person set it aside; whether its reply arrived is not known."
    return event


def the_letter():
    return DeadLetter.objects.get()


def ours():
    return Message.objects.filter(author="service").count()


def test_it_arrived_ends_the_reply_as_sent_and_closes_the_letter(undecided, graph):
    first = review.arrived([the_letter().pk], **BECAUSE)
    second = review.arrived([the_letter().pk], **BECAUSE)

    reply = OutgoingReply.objects.get()
    assert (reply.state, reply.sent_at is not None, ours()) == ("sent", True, 1)
    assert Conversation.objects.get().last_reply_at is not None
    assert (the_letter().status, WebhookEvent.objects.get().state) == ("resolved", "dead")
    assert [outcome.result for outcome in (*first, *second)] == ["done", "not_open"]
    (entry,) = AuditEntry.objects.filter(action="reply.decided")
    assert (entry.actor, entry.reason, entry.detail) == ("anna", "I looked", {"decision": "arrived"})
    assert graph.taken(PERSON) == []


def test_a_reply_that_arrived_by_a_persons_word_is_dated_to_its_call(undecided):
    called_at = timezone.now() - timedelta(hours=3)
    OutgoingReply.objects.update(called_at=called_at)

    review.arrived([the_letter().pk], **BECAUSE)

    message = Message.objects.get(author="service")
    dates = (OutgoingReply.objects.get().sent_at, Conversation.objects.get().last_reply_at, message.happened_at)
    assert dates == (called_at,) * 3


def test_a_second_death_lets_a_replay_look_as_often_as_the_first(undecided):
    OutgoingReply.objects.update(lookups=11)

    review.replay([the_letter().pk], **BECAUSE)
    assert set_aside(undecided.pk, actor="anna", reason="the customer waits")

    assert OutgoingReply.objects.get().lookups == 0


def test_send_again_sends_once_without_a_look_up(undecided, graph):
    first = review.send_again([the_letter().pk], **BECAUSE)
    second = review.send_again([the_letter().pk], **BECAUSE)
    worked(undecided)

    assert [outcome.result for outcome in (*first, *second)] == ["done", "not_open"]
    assert [call.edge for call in graph.calls(PERSON)] == ["messages", "messages"]
    assert (undecided.state, len(graph.taken(PERSON)), ours()) == ("processed", 1, 1)
    assert the_letter().status == "replayed"
    assert AuditEntry.objects.get(action="reply.decided").detail == {"decision": "send_again"}


def test_a_plain_replay_looks_first(undecided, graph):
    (outcome,) = review.replay([the_letter().pk], **BECAUSE)
    worked(undecided)

    assert outcome.is_done
    assert [call.edge for call in graph.calls(PERSON)][:2] == ["messages", "conversations"]


def test_a_replay_of_what_arrived_sends_nothing_and_says_so_before(undecided, graph):
    review.arrived([the_letter().pk], **BECAUSE)
    review.reopen([the_letter().pk], **BECAUSE)

    foretold = review.outlooks([the_letter()])[the_letter().pk]
    review.replay([the_letter().pk], **BECAUSE)
    worked(undecided)

    assert foretold.on_replay == "Already answered: a replay sends nothing."
    assert (undecided.state, graph.taken(PERSON), ours()) == ("processed", [], 1)


@pytest.mark.parametrize("act", ["arrived", "send_again"])
def test_nothing_is_decided_about_a_reply_that_is_known_or_at_work(undecided, act):
    OutgoingReply.objects.update(state="failed")
    of_known = review.ACTS[act]([the_letter().pk], **BECAUSE)
    OutgoingReply.objects.update(state="undecided")
    WebhookEvent.objects.update(state="received", claimable_at=timezone.now(), finished_at=None)
    of_busy = review.ACTS[act]([the_letter().pk], **BECAUSE)

    assert [outcome.result for outcome in (*of_known, *of_busy)] == ["refused", "refused"]
    assert (the_letter().status, OutgoingReply.objects.get().state) == ("open", "undecided")
    assert not AuditEntry.objects.filter(action="reply.decided").exists()


def test_the_page_of_the_letter_offers_both_and_asks_for_a_reason(undecided, admin_client):
    letter = the_letter()

    page = shown(admin_client, f"{LETTERS}{letter.pk}/change/")
    asked = shown(admin_client, f"{LETTERS}act/arrived/", id=str(letter.pk))
    done = admin_client.post(
        f"{LETTERS}act/arrived/", {"id": [str(letter.pk)], "reason": "seen in the app"}, secure=True, follow=True
    )

    assert "It arrived…" in page
    assert "Send again…" in page
    assert "It arrived: 1 dead letter" in asked
    assert said(done) == ["1 closed as arrived."]
    assert "It arrived…" not in shown(admin_client, f"{LETTERS}{letter.pk}/change/")


def test_the_page_before_a_replay_says_that_it_looks_first(undecided, admin_client):
    page = shown(admin_client, f"{LETTERS}act/replay/", id=str(the_letter().pk))

    assert "a replay looks it up first" in page


# --- a late echo ---------------------------------------------------------------------------------


def echoed(text="re hello", mid="m-late", **more):
    (echo,) = stored(an_echo(mid, text, **more), correlation_id="request-2")
    return worked(echo)


def test_a_late_echo_proves_the_reply_and_closes_its_letter(undecided):
    echo = echoed("re  hello\n")

    reply = OutgoingReply.objects.get()
    assert (reply.state, reply.message_digest, reply.echoed_at is not None) == ("sent", echo.message_digest, True)
    assert (echo.state, ours(), Message.objects.filter(author="person").count()) == ("processed", 1, 0)
    assert (the_letter().status, the_letter().closed_by) == ("resolved", "system")
    assert Conversation.objects.get().last_human_at is None
    assert AuditEntry.objects.get(action="reply.proved").subject_id == undecided.pk


def test_an_echo_of_another_text_or_from_before_the_call_proves_nothing(undecided):
    echoed("I will look into it", "m-2")
    echoed("re hello", "m-3", timestamp=now_ms() - 120_000)

    assert OutgoingReply.objects.get().state == "undecided"
    assert the_letter().status == "open"
    assert Message.objects.filter(author="person").count() == 2


def test_the_same_words_an_hour_after_the_call_are_a_persons(undecided):
    OutgoingReply.objects.update(called_at=timezone.now() - timedelta(hours=1))

    echoed()

    assert (OutgoingReply.objects.get().state, the_letter().status) == ("undecided", "open")
    assert Message.objects.filter(author="person").count() == 1


def test_one_echo_proves_one_reply(undecided):
    echoed()
    echoed(mid="m-person")

    assert Message.objects.filter(author="person").count() == 1


def test_an_echo_after_a_person_s_word_is_the_same_message(undecided):
    review.arrived([the_letter().pk], **BECAUSE)

    echo = echoed()

    reply = OutgoingReply.objects.get()
    assert (reply.message_digest, ours()) == (echo.message_digest, 1)
    assert Message.objects.get(author="service").message_digest == echo.message_digest
    assert Message.objects.filter(author="person").count() == 0


def test_an_echo_waits_while_a_worker_looks_the_reply_up(undecided):
    review.replay([the_letter().pk], **BECAUSE)
    claims.claim(undecided.pk, worker_id=undecided.pk)

    echo = echoed()

    assert (echo.state, OutgoingReply.objects.get().state) == ("retrying", "undecided")


def test_an_echo_during_a_replay_that_waits_ends_it_without_a_second_message(undecided, graph):
    review.replay([the_letter().pk], **BECAUSE)
    WebhookEvent.objects.update(claimable_at=timezone.now() + timedelta(hours=1))

    (echo,) = stored(an_echo("m-late", "re hello"), correlation_id="request-2")
    worked(echo)
    WebhookEvent.objects.filter(pk=undecided.pk).update(claimable_at=timezone.now())
    worked(undecided)

    assert (undecided.state, OutgoingReply.objects.get().state, graph.taken(PERSON)) == ("processed", "sent", [])

"""The page of one dead letter: what happened, what a replay would do, and where to look."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from audit.log import record
from dead_letters import review
from dead_letters.bury import BuriedError, bury
from dead_letters.models import DeadLetter
from instagram_webhooks.models import EventPayload, OutgoingReply, WebhookEvent
from tests.admin.pages import shown
from tests.builders import PERSON, a_message, an_account, stored

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def ops(login):
    return login("view_deadletter", "act_on_deadletter", "view_webhookevent", "view_conversation", "view_account")


def address(letter):
    return f"/admin/dead_letters/deadletter/{letter.pk}/change/"


def dead(*, code="graph_failed", attempts=1, **columns):
    """A letter of an event that died of this."""
    (event,) = stored(a_message("m-1", "canary words of a customer"))
    WebhookEvent.objects.filter(pk=event.pk).update(
        state="dead", claimable_at=None, finished_at=timezone.now(), attempts=attempts, **columns
    )
    letter = bury(
        subject_kind="instagram_webhooks.event", subject_id=event.pk, lane=event.lane, order_at=event.order_at,
        provider=event.provider, kind=event.kind, account_label=event.account, correlation_id=event.correlation_id,
        error=BuriedError(error_class="GraphFailed", code=code, summary="The Graph API failed."), attempts=attempts,
    )  # fmt: skip
    return event, DeadLetter.objects.get(pk=letter)


def replied(event, state, **more):
    facts = {"reply_key": uuid7(), "conversation_id": event.conversation_id, "called_at": timezone.now()} | more
    OutgoingReply.objects.create(
        event_id=event.pk, provider=event.provider, account=event.account, state=state, **facts
    )


def test_a_failure_that_passes_is_said_to_be_safe_to_replay_with_how_often_and_how_long(ops):
    event, letter = dead(attempts=3)
    for n, action in enumerate(("event.retrying", "event.retrying", "event.failed")):
        record(action, subject_id=event.pk, attempt=n + 1, detail={"status": 503, "code": "graph_failed"})

    told = shown(ops, address(letter))

    assert "Failed 3 times over 0 s, last 503. Such a failure passes by itself: it is safe to replay." in told
    assert told.count("retry.scheduled") == 2


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("bug", "a replay helps after a release that mends it"),
        ("graph_refused", "a replay fails again until what it refused is put right"),
        ("payload_seal_broken", "put the missing key back"),
        ("set_aside", "a replay brings it back"),
        ("something_new", "a replay tries it again from the start"),
    ],
)
def test_what_does_not_pass_is_told_with_what_helps(ops, code, advice):
    _, letter = dead(code=code)

    told = shown(ops, address(letter))

    assert advice in told
    assert "safe to replay" not in told


def test_what_was_answered_is_not_answered_again(ops):
    event, letter = dead()
    replied(event, "sent", sent_at=timezone.now(), message_digest=uuid7())

    assert "Already answered: a replay sends nothing." in shown(ops, address(letter))


def test_a_reply_that_nobody_knows_of_asks_for_a_person_and_offers_both_answers(ops):
    event, letter = dead(code="reply_undecided")
    replied(event, "undecided")

    told = shown(ops, address(letter))

    assert "Nobody knows whether the answer arrived. Look into the conversation in Meta" in told
    assert "It arrived…" in told
    assert "Send again…" in told


def test_after_the_reply_window_a_replay_only_stores(ops):
    _, letter = dead(happened_at=timezone.now() - timedelta(hours=30))

    assert "a replay stores the message but cannot answer it." in shown(ops, address(letter))


def test_what_cannot_come_back_says_why(ops):
    event, letter = dead()
    EventPayload.objects.filter(pk=event.pk).delete()

    assert "Its payload was purged, so there is nothing to process." in shown(ops, address(letter))


def test_a_closed_letter_says_who_closed_it_and_how_its_event_stands(ops):
    _, letter = dead()
    review.discard([letter.pk], reason="A test of ours.", actor="anna")

    told = shown(ops, address(letter))

    assert "It was discarded by anna. Its event is dead now." in told
    assert "A test of ours." in told


def test_a_letter_leads_to_its_event_conversation_account_cause_and_audit(ops):
    from instagram_webhooks.models import Conversation

    account = an_account()
    event, letter = dead()
    Conversation.objects.create(id=event.conversation_id, provider="instagram", account=event.account)

    page = ops.get(address(letter), secure=True).content.decode()

    links = set(re.findall(r'href="([^"]+)"', page))
    assert {
        f"/admin/instagram_webhooks/webhookevent/{event.pk}/change/",
        f"/admin/instagram_webhooks/conversation/{event.conversation_id}/change/",
        f"/admin/instagram_webhooks/account/{account.pk}/change/",
        f"/admin/dead_letters/cause/{letter.cause_id}/change/",
        f"/admin/audit/auditentry/?q={event.pk}",
    } <= links
    assert "canary" not in page
    assert PERSON not in page


def test_a_letter_whose_event_is_gone_has_a_page(ops):
    event, letter = dead()
    WebhookEvent.objects.filter(pk=event.pk).delete()

    assert "Its event is not stored any more." in shown(ops, address(letter))

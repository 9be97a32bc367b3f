"""What proves that a reply left, where the provider gives back what was attached to it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from dead_letters.models import DeadLetter
from instagram_webhooks import providers
from instagram_webhooks.inbox.accept import accept
from instagram_webhooks.models import Account, OutgoingReply, WebhookEvent
from simulator import bodies
from simulator.invented import PHONE_NUMBER_ID
from simulator.meta_wire import wire
from tests.builders import ACCOUNT, TOKEN, an_account, now_ms
from tests.worker.conftest import worked

PAGE, PSID, PHONE = "100000000000042", "4440000000000042", "15550100042"


@pytest.fixture(autouse=True)
def accounts(shop, graph):
    graph.settings(accounts={ACCOUNT: TOKEN, PAGE: TOKEN, PHONE_NUMBER_ID: TOKEN})
    an_account(provider="facebook", account_id=PAGE)
    an_account(provider="whatsapp", account_id=PHONE_NUMBER_ID)


def received(provider, body):
    (one,) = accept(provider, providers.split(provider, wire(body)), str(uuid7()))
    return WebhookEvent.objects.get(pk=one.event_id)


def on_messenger():
    return received("facebook", bodies.message_body("hello", sender=PSID, provider="facebook", account=PAGE))


def on_whatsapp():
    return received("whatsapp", bodies.message_body("hello", sender=PHONE, provider="whatsapp"))


def echoed(text, *, metadata, mid):
    item = bodies.echo(text, recipient=PSID, account=PAGE, mid=mid, at_ms=now_ms(), metadata=str(metadata))
    return received("facebook", bodies.messaging_body([item], account=PAGE, at_ms=now_ms(), provider="facebook"))


def told(status, mid, *, metadata):
    return received(
        "whatsapp",
        bodies.status_body(
            status, recipient=PHONE, account=PHONE_NUMBER_ID, mid=mid, at_ms=now_ms(), metadata=str(metadata)
        ),
    )


def again(event):
    due = timezone.now() - timedelta(seconds=1)
    WebhookEvent.objects.filter(pk=event.pk, claimable_at__isnull=False).update(claimable_at=due)
    Account.objects.update(paused_until=None, next_lookup_at=None)
    return worked(event)


def test_a_messenger_echo_with_the_replys_id_proves_it_whatever_its_text(graph):
    graph.script(PSID, ["http-after:500"])
    event = worked(on_messenger())
    echoed("shortened by Meta", metadata=OutgoingReply.objects.get().id, mid=graph.taken(PSID)[0].mid)

    again(event)

    assert (event.state, [call.edge for call in graph.calls(PSID)]) == ("processed", ["messages"])


def test_a_messenger_echo_with_the_id_of_another_reply_proves_nothing(graph):
    graph.script(PSID, ["http:500"])
    event = worked(on_messenger())
    echoed("re hello", metadata=uuid7(), mid="m_another")

    for _ in range(3):
        again(event)

    assert (event.state, len(graph.taken(PSID))) == ("processed", 1)


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
def test_a_whatsapp_status_with_the_replys_id_proves_that_it_left(graph, status):
    graph.script(PHONE, ["http-after:500"])
    event = worked(on_whatsapp())
    told(status, graph.taken(PHONE)[0].mid, metadata=OutgoingReply.objects.get().id)

    again(event)

    assert (event.state, [call.edge for call in graph.calls(PHONE)]) == ("processed", ["messages"])
    assert OutgoingReply.objects.get().state == "sent"


def test_a_whatsapp_status_that_says_failed_is_a_certain_failure(graph):
    graph.script(PHONE, ["http-after:500"])
    event = worked(on_whatsapp())
    reply = OutgoingReply.objects.get()
    for status in ("failed", "sent"):
        told(status, "wamid.1", metadata=reply.id)

    again(event)

    letter = DeadLetter.objects.get()
    assert (event.state, letter.code, letter.upstream_code) == ("dead", "graph_refused", 131026)
    assert OutgoingReply.objects.get().state == "failed"


@pytest.mark.parametrize("status", ["delivered", "read"])
def test_a_whatsapp_message_that_reached_the_phone_was_sent_whatever_else_was_told(graph, status):
    graph.script(PHONE, ["http-after:500"])
    event = worked(on_whatsapp())
    reply = OutgoingReply.objects.get()
    for said in ("failed", status):
        told(said, graph.taken(PHONE)[0].mid, metadata=reply.id)

    again(event)

    reply.refresh_from_db()
    assert (event.state, reply.state, len(graph.calls(PHONE))) == ("processed", "sent", 1)


def test_without_any_status_a_person_decides_and_a_late_status_closes_it(graph):
    graph.script(PHONE, ["http-after:500"])
    event = again(worked(on_whatsapp()))
    assert (event.state, DeadLetter.objects.get().code) == ("dead", "reply_undecided")

    status = worked(told("delivered", graph.taken(PHONE)[0].mid, metadata=OutgoingReply.objects.get().id))

    assert (status.state, OutgoingReply.objects.get().state) == ("processed", "sent")
    assert DeadLetter.objects.get().status == "resolved"


def test_a_status_of_a_reply_that_is_known_confirms_it(graph):
    worked(on_whatsapp())

    worked(told("delivered", graph.taken(PHONE)[0].mid, metadata=OutgoingReply.objects.get().id))

    assert OutgoingReply.objects.get().echoed_at is not None

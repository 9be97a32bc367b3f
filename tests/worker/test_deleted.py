"""A message whose author took it back while it waited here: it is neither shown nor answered."""

import pytest
from django.utils import timezone

from instagram_webhooks.models import Message, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import by_hand
from tests.builders import PERSON, a_message, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def throttled(graph, _shop):
    graph.script(PERSON, ["http:400:4"])
    return lambda: None


def paused(_graph, shop):
    by_hand.pause(shop, hours=1, actor="anna", reason="maintenance")
    return lambda: by_hand.resume(shop, actor="anna", reason="over")


@pytest.mark.parametrize("held_back", [throttled, paused])
def test_a_message_that_is_deleted_while_it_is_held_back_is_not_answered(graph, shop, held_back):
    go_on = held_back(graph, shop)
    (message,) = stored(a_message("m-1", "a secret"))
    assert worked(message).state == "retrying"
    (deletion,) = stored(a_message("m-1", message={"is_deleted": True}), correlation_id="request-2")
    go_on()
    WebhookEvent.objects.filter(pk=message.pk).update(claimable_at=timezone.now())

    worked(message)

    deletion.refresh_from_db()
    assert (message.state, message.reason, deletion.state) == ("ignored", "deleted", "processed")
    assert (OutgoingReply.objects.get().state, graph.taken(PERSON)) == ("withheld", [])
    assert Message.objects.get().sealed is None


def test_one_that_only_a_test_took_back_is_answered(graph, shop):
    go_on = paused(graph, shop)
    (message,) = stored(a_message("m-1", "hello"))
    worked(message)
    (deletion,) = stored(a_message("m-1", message={"is_deleted": True}), correlation_id="request-2")
    WebhookEvent.objects.filter(pk=deletion.pk).update(
        state="ignored", reason="test", claimable_at=None, finished_at=timezone.now()
    )
    go_on()
    WebhookEvent.objects.filter(pk=message.pk).update(claimable_at=timezone.now())

    assert worked(message).state == "processed"
    assert len(graph.taken(PERSON)) == 1

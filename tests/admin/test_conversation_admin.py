"""Conversations in the admin: their messages, without a word of what was written."""

import json
from datetime import UTC, datetime

import pytest

from audit.ids import uuid7
from instagram_webhooks.models import Conversation, Message
from instagram_webhooks.vault import seal, seal_text
from tests.admin.pages import CONVERSATIONS, EVENTS, found, inline_code, shown
from tests.builders import ACCOUNT, PERSON, a_message, stored

pytestmark = pytest.mark.usefixtures("own_database")
CANARY = "canary words of a customer"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def ops(login):
    return login("view_conversation", "view_webhookevent")


def a_conversation(**telling):
    key = telling.pop("id", None) or uuid7()
    partner = seal_text(PERSON, place=Conversation.PARTNER_PLACE, row_id=key)
    facts = {"provider": "instagram", "account": ACCOUNT, "sealed_partner": partner, "last_message_at": NOON}
    return Conversation.objects.create(id=key, **(facts | telling))


def wrote(conversation, *, text="", attachments=(), key=None, **telling):
    key = key or uuid7()
    said = json.dumps({"text": text, "attachments": list(attachments), "quick_reply": None, "reply_to": None})
    facts = {"author": "customer", "kind": "message", "happened_at": NOON}
    facts["sealed"] = seal(said.encode(), place=Message.PLACE, row_id=key)
    return Message.objects.create(id=key, conversation=conversation, **(facts | telling))


def page_of(client, conversation):
    return shown(client, f"{CONVERSATIONS}{conversation.pk}/change/")


def test_a_message_is_counted_and_not_shown(ops):
    conversation = a_conversation()
    wrote(conversation, text=CANARY, attachments=[{"type": "image", "url": "https://cdn.example/secret"}])

    html = ops.get(f"{CONVERSATIONS}{conversation.pk}/change/", secure=True).content.decode()

    assert f"text ({len(CANARY)} characters), image, sealed" in html
    for secret in (CANARY, "cdn.example", PERSON):
        assert secret not in html
    assert inline_code(html) == []


def test_both_sides_stand_newest_first_with_a_way_to_each_event(ops):
    conversation = a_conversation()
    event_id = uuid7()
    wrote(conversation, text="one", event_id=event_id)
    wrote(conversation, text="three", author="service", happened_at=NOON.replace(hour=13))

    page = ops.get(f"{CONVERSATIONS}{conversation.pk}/change/", secure=True)

    assert [line.author for line in page.context["lines"]] == ["service", "customer"]
    assert f"{EVENTS}{event_id}/change/" in page.content.decode()


def test_deleted_edited_and_unopenable_messages_say_so(ops):
    conversation = a_conversation()
    wrote(conversation, sealed=None, deleted_at=NOON)
    wrote(conversation, text="two", edit_number=2)
    wrote(conversation, sealed=seal(b"{}", place=Message.PLACE, row_id=uuid7()))

    page = page_of(ops, conversation)

    assert "deleted by the customer" in page
    assert "text (3 characters), sealed, edited 2 ×" in page
    assert "sealed with a key that is not here" in page


def test_a_word_that_meta_made_up_or_a_customer_wrote_as_a_type_is_not_shown(ops):
    conversation = a_conversation()
    wrote(conversation, attachments=[{"type": f"{CANARY}!"}, {"type": "like_heart"}])

    page = page_of(ops, conversation)

    assert "attachment, like heart, sealed" in page
    assert CANARY not in page


def test_a_long_conversation_shows_its_latest_messages_and_says_so(ops, monkeypatch):
    monkeypatch.setattr("instagram_webhooks.desk.admin_conversations.MESSAGES", 2)
    conversation = a_conversation()
    for hour in (12, 13, 14):
        wrote(conversation, text="x" * hour, happened_at=NOON.replace(hour=hour))

    page = page_of(ops, conversation)

    assert "text (14 characters)" in page
    assert "text (12 characters)" not in page
    assert "These are the latest 2" in page


def test_a_conversation_is_found_by_its_id_and_by_its_messages(ops):
    (event,) = stored(a_message("m-1"), correlation_id="req-1")
    mine = a_conversation(id=event.conversation_id)
    a_conversation()

    for key in (mine.pk, "m-1", "req-1", event.pk):
        assert found(ops, CONVERSATIONS, q=str(key)) == [mine.pk], key
    assert found(ops, CONVERSATIONS, q="nobody") == []


def test_the_list_is_newest_first_and_names_no_customer(ops):
    first, second = a_conversation(), a_conversation(provider="whatsapp")

    assert found(ops, CONVERSATIONS) == [second.pk, first.pk]
    assert found(ops, CONVERSATIONS, provider="instagram") == [first.pk]
    html = ops.get(CONVERSATIONS, secure=True).content.decode()
    assert PERSON not in html
    assert inline_code(html) == []


def test_conversations_cannot_be_added_changed_or_deleted(admin_client):
    row = a_conversation()

    assert admin_client.get(f"{CONVERSATIONS}add/", secure=True).status_code == 403
    assert admin_client.post(f"{CONVERSATIONS}{row.pk}/change/", {"account": "x"}, secure=True).status_code == 403
    assert admin_client.post(f"{CONVERSATIONS}{row.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403

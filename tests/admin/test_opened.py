"""What customers wrote, opened: by whom, with a reason, and never without a trace."""

import pytest

from audit.ids import uuid7
from audit.models import AuditEntry
from instagram_webhooks.vault import seal
from tests.admin.pages import CONVERSATIONS, inline_code, words
from tests.admin.test_conversation_admin import CANARY, Message, a_conversation, wrote

pytestmark = pytest.mark.usefixtures("own_database")
WHY = "The customer asks whether we have read it"


@pytest.fixture
def support(login):
    return login("view_conversation", "view_payload")


def address(conversation):
    return f"{CONVERSATIONS}{conversation.pk}/open/"


def open_it(client, conversation, **form):
    return client.post(address(conversation), form, secure=True)


def test_with_the_right_and_a_reason_the_words_are_shown_and_the_look_is_audited(support, caplog):
    conversation = a_conversation()
    wrote(conversation, text=CANARY, attachments=[{"type": "image", "url": "https://cdn.example/secret"}])

    page = open_it(support, conversation, reason=WHY)

    assert CANARY in words(page)
    assert "image" in words(page)
    assert "cdn.example" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert inline_code(page.content.decode()) == []
    entry = AuditEntry.objects.get(action="conversation.opened")
    assert (entry.actor, entry.subject_id, entry.reason) == ("anna", conversation.pk, WHY)
    assert CANARY not in caplog.text + str(entry.detail)


@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 501])
def test_without_a_reason_nothing_is_shown_and_nothing_is_audited(support, reason):
    conversation = a_conversation()
    wrote(conversation, text=CANARY)

    page = open_it(support, conversation, **({} if reason is None else {"reason": reason}))

    assert CANARY not in page.content.decode()
    assert not AuditEntry.objects.filter(action="conversation.opened").exists()


def test_a_link_or_a_reload_shows_nothing(support):
    conversation = a_conversation()
    wrote(conversation, text=CANARY)

    page = support.get(address(conversation), {"reason": WHY}, secure=True)

    assert page.status_code == 200
    assert CANARY not in page.content.decode()


@pytest.mark.parametrize("rights", [("view_conversation",), ("view_payload",), ("view_conversation", "view_message")])
def test_without_the_right_there_is_no_way(login, rights):
    client = login(*rights)
    conversation = a_conversation()
    wrote(conversation, text=CANARY)

    assert open_it(client, conversation, reason=WHY).status_code == 403
    if "view_conversation" in rights:
        offered = client.get(f"{CONVERSATIONS}{conversation.pk}/change/", secure=True).content.decode()
        assert address(conversation) not in offered
    assert not AuditEntry.objects.filter(action="conversation.opened").exists()


def test_the_conversation_offers_it_to_whoever_may(support):
    conversation = a_conversation()
    wrote(conversation, text=CANARY)

    assert (
        address(conversation) in support.get(f"{CONVERSATIONS}{conversation.pk}/change/", secure=True).content.decode()
    )


def test_what_cannot_be_opened_says_so_and_the_rest_is_shown(support):
    conversation = a_conversation()
    wrote(conversation, text=CANARY)
    wrote(conversation, sealed=seal(b"{}", place=Message.PLACE, row_id=uuid7()))

    page = words(open_it(support, conversation, reason=WHY))

    assert "sealed with a key that is not here" in page
    assert CANARY in page


def test_text_with_tags_stays_text(support):
    conversation = a_conversation()
    wrote(conversation, text="<script>alert(1)</script>", attachments=[{"type": "<img src=x onerror=alert(1)>"}])

    html = open_it(support, conversation, reason=WHY).content.decode()

    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_conversation_that_is_not_there_is_not_found(support):
    assert support.post(f"{CONVERSATIONS}{uuid7()}/open/", {"reason": WHY}, secure=True).status_code == 404

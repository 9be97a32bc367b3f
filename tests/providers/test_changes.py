"""What a change becomes: comments, mentions, the feed, tests, and all of WhatsApp."""

from datetime import UTC, datetime

import pytest

from instagram_webhooks.providers import split
from tests.providers.builders import (
    ACCOUNT,
    PERSON,
    a_message,
    change,
    element,
    encoded,
    whatsapp,
    whatsapp_message,
)

AT = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


def only(raw, provider="instagram"):
    (event,) = split(provider, raw)
    return event


def test_a_comment_happened_when_it_was_sent():
    event = only(change("comments", {"id": "1795", "from": {"id": PERSON}}))

    assert (event.kind, event.identity, event.partner, event.message_id) == (
        "comment",
        ("1795",),
        PERSON,
        "1795",
    )
    assert (event.happened_at, event.in_lane) == (AT, False)


@pytest.mark.parametrize(
    "raw",
    [
        change("comments", {"id": "1795"}),
        change("comments", {"comment_id": "1795"}),
        encoded({"entry": [{"id": ACCOUNT, "field": "comments", "value": {"id": "1795"}}]}),
    ],
)
def test_the_three_forms_of_a_comment_are_one_event(raw):
    assert (only(raw).account, only(raw).identity) == (ACCOUNT, ("1795",))


@pytest.mark.parametrize("author", [{"id": ACCOUNT}, {"id": PERSON, "self_ig_scoped_id": "555"}])
def test_a_comment_by_the_account_itself_has_no_customer(author):
    assert only(change("comments", {"id": "1795", "from": author})).partner is None


@pytest.mark.parametrize(
    ("field", "value", "kind", "expected"),
    [
        ("live_comments", {"id": "1795"}, "live_comment", ("1795",)),
        ("mentions", {"comment_id": "1796", "media_id": "1797"}, "mention", ("1796",)),
        ("mentions", {"media_id": "1797"}, "mention", ("1797",)),
        ("story_insights", {"media_id": "1798", "reach": 3}, "story_insights", ("1798",)),
        ("messages", a_message(), "message", ("aWdTEST1",)),
        ("message_reactions", element(read={"mid": "m"}), "read", (PERSON, "m")),
    ],
)
def test_a_change_is_of_the_kind_of_its_field(field, value, kind, expected):
    event = only(change(field, value))

    assert (event.kind, event.identity) == (kind, expected)


def test_the_verbs_and_edits_of_one_feed_comment_are_events_of_their_own():
    parts = [("add", "a"), ("edited", "b"), ("edited", "c"), ("remove", None)]
    events = [
        only(change("feed", {"verb": verb, "comment_id": "9_1", "message": text}), "facebook") for verb, text in parts
    ]

    assert [(event.kind, *event.identity[:2]) for event in events] == [("feed", verb, "9_1") for verb, _ in parts]
    assert len({event.identity for event in events}) == 4


def test_the_test_button_makes_a_new_event_at_each_click():
    raw = change("messages", a_message(), entry_id="0")

    first, second = only(raw), only(raw)

    assert first.is_test
    assert second.is_test
    assert first.account == "0"
    assert first.kind == "message"
    assert first.identity != second.identity


def test_the_bare_fragment_is_a_test_even_when_read_again():
    event = only(encoded({"field": "messages", "value": a_message()}))

    again = only(event.raw)
    assert (
        (event.kind, event.account, event.is_test)
        == (again.kind, again.account, again.is_test)
        == ("message", "0", True)
    )


def test_an_entry_may_hold_all_its_lists_at_once():
    tree = {
        "id": ACCOUNT,
        "field": "mentions",
        "value": {"media_id": "1"},
        "changes": [{"field": "comments", "value": {"id": "2"}}],
        "standby": [element(read={"mid": "m"})],
        "messaging": [a_message()],
    }

    kinds = [event.kind for event in split("instagram", encoded({"entry": [tree]}))]
    assert kinds == ["message", "read", "comment", "mention"]


def test_whatsapp_messages_and_states_belong_to_the_number_they_were_sent_to():
    state = {"id": "wamid.OUT", "status": "read", "timestamp": "1790000001", "recipient_id": "15550109001"}
    message, status = split("whatsapp", whatsapp(messages=[whatsapp_message()], statuses=[state]))

    assert (message.kind, message.account, message.identity) == (
        "message",
        "100000000000019",
        ("wamid.TEST1",),
    )
    assert (message.partner, message.in_lane) == ("15550109001", True)
    assert (status.kind, status.account, status.identity) == (
        "status",
        "100000000000019",
        ("wamid.OUT", "read"),
    )
    assert (status.partner, status.in_lane, status.message_id) == ("15550109001", False, "wamid.OUT")


@pytest.mark.parametrize("number", [None, "not an account"])
def test_whatsapp_without_a_usable_number_belongs_to_its_entry(number):
    event = only(whatsapp(phone_number_id=number, messages=[whatsapp_message()]), "whatsapp")

    assert (event.kind, event.account) == ("message", "100000000000009")


@pytest.mark.parametrize(("type_", "kind"), [("edit", "message_edit"), ("revoke", "message_deleted")])
def test_a_whatsapp_edit_is_known_by_its_own_id_and_is_about_another(type_, kind):
    message = whatsapp_message(2, kind=type_, original_message_id="wamid.TEST1")

    event = only(whatsapp(messages=[message]), "whatsapp")

    assert (event.kind, event.identity, event.message_id) == (kind, ("wamid.TEST2",), "wamid.TEST1")


def test_a_whatsapp_test_is_a_test():
    raw = whatsapp(entry_id="0", messages=[whatsapp_message()])

    assert only(raw, "whatsapp").is_test
    assert only(raw, "whatsapp").identity != only(raw, "whatsapp").identity

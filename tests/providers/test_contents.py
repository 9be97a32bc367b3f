"""What a stored event says when it is read again."""

import pytest

from instagram_webhooks.errors import Unreadable
from instagram_webhooks.events import Attachment, Content
from instagram_webhooks.providers import content, samples, split
from instagram_webhooks.providers.whatsapp import content as whatsapp_content
from tests.providers.builders import ACCOUNT, PERSON, a_message, body, element, whatsapp, whatsapp_message


def told(raw, provider="instagram"):
    (event,) = split(provider, raw)
    return content(provider, event.kind, event.raw)


def sample(name):
    return told(samples.load(name), name.split("/")[0])


def test_a_text_says_who_wrote_what():
    said = sample("instagram/message__text")

    assert (said.sender, said.partner, said.text) == (PERSON, PERSON, "Do you repair kites?")
    assert (said.attachments, said.quick_reply, said.reply_to, said.is_standby, said.is_own) == (
        (),
        None,
        None,
        False,
        False,
    )


def test_attachments_keep_type_and_url_even_without_payload():
    several = sample("instagram/message__several_images").attachments

    assert [one.type for one in several] == ["image"] * 3
    assert all(one.url.startswith("https://") for one in several)
    assert sample("instagram/message__ephemeral").attachments == (Attachment(type="ephemeral"),)
    assert sample("instagram/echo__template").attachments == (Attachment(type="template"),)
    assert sample("instagram/message__type_we_do_not_know").attachments[0].type == "hologram"


def test_answers_name_what_they_answer():
    assert sample("instagram/message__reply_to_message").reply_to
    assert sample("instagram/message__reply_to_story").reply_to is None
    assert sample("instagram/comment__reply").reply_to == "17950000000000001"
    assert sample("whatsapp/message__reply").reply_to == "wamid.SAMPLE0001"


@pytest.mark.parametrize(
    ("name", "text", "payload"),
    [
        ("instagram/message__quick_reply", "Repair", "REPAIR_V1"),
        ("instagram/postback__icebreaker", "Where are you?", "WHERE"),
        ("instagram/postback__standby", "Where are you?", None),
        ("facebook/postback__get_started", "Get started", "BEGIN"),
        ("whatsapp/message__button", "Yes", "YES_V1"),
        ("whatsapp/message__list_reply", "Large", "ROW_2"),
    ],
)
def test_a_tap_says_its_title_and_carries_its_payload(name, text, payload):
    assert (sample(name).text, sample(name).quick_reply) == (text, payload)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("instagram/reaction__love", "❤️"),
        ("instagram/reaction__other", "🪁"),
        ("instagram/reaction__taken_back", None),
        ("whatsapp/message__reaction", "👍"),
    ],
)
def test_a_reaction_shows_its_emoji_and_its_target(name, shown):
    assert sample(name).reaction == shown
    assert sample(name).target_id


def test_a_reaction_without_emoji_shows_its_name():
    assert told(body(element(reaction={"mid": "m", "action": "react", "reaction": "wow"}))).reaction == "wow"


def test_an_edit_says_number_text_and_target():
    said = sample("instagram/message_edit__number_is_text")

    assert (said.edit_number, said.text, said.target_id) == (2, "Do you mend kites?", said.message_id)
    assert sample("instagram/message_edit__number_zero").edit_number == 0


@pytest.mark.parametrize(
    ("name", "has_target"),
    [
        ("instagram/read__message", True),
        ("facebook/read__watermark", False),
        ("instagram/message_deleted__by_customer", True),
        ("whatsapp/status__read", True),
    ],
)
def test_receipts_and_deletions_name_their_target(name, has_target):
    assert (sample(name).target_id is not None) is has_target


def test_whatsapp_edits_and_revocations_name_the_original():
    edit, revoked = sample("whatsapp/message_edit__text"), sample("whatsapp/message_deleted__revoked")

    assert (edit.text, edit.target_id, edit.message_id) == (
        "Good morning",
        "wamid.SAMPLE0001",
        "wamid.SAMPLE0001",
    )
    assert (revoked.text, revoked.target_id) == ("", "wamid.SAMPLE0001")


def test_whatsapp_media_are_attachments_with_their_caption_as_text():
    said = sample("whatsapp/message__image")

    assert (said.text, said.attachments) == ("like this", (Attachment(type="image"),))


@pytest.mark.parametrize(
    "name", ["instagram/message__standby", "instagram/postback__standby", "facebook/message__standby"]
)
def test_standby_is_said(name):
    assert sample(name).is_standby


@pytest.mark.parametrize(
    "name",
    ["echo__own_reply", "echo__template", "echo__note_to_self", "postback__to_self", "comment__own"],
)
def test_what_the_account_wrote_itself_is_its_own(name):
    said = sample(f"instagram/{name}")

    assert said.is_own
    assert said.sender == ACCOUNT
    assert said.partner != ACCOUNT


def test_a_comment_and_a_feed_entry_say_their_text():
    assert sample("instagram/comment__text").text == "How much?"
    assert sample("instagram/comment__without_author").sender == ""
    assert sample("facebook/feed__comment_added").text == "Lovely"


def test_lone_surrogates_are_replaced_so_that_the_text_can_be_encoded():
    raw = body(a_message()).replace(b'"hello"', b'"a\\ud800b\\udc00 \\ud83e\\ude81"')

    assert told(raw).text == "a\ufffdb\ufffd 🪁"


def test_a_nul_stays_in_the_text():
    assert told(body(a_message(text="a\x00b"))).text == "a\x00b"


@pytest.mark.parametrize("part", [7, None, [], {}, True])
def test_parts_of_a_wrong_type_say_nothing(part):
    said = told(
        body(element(message=dict.fromkeys(("text", "attachments", "quick_reply", "reply_to"), part) | {"mid": "m"}))
    )

    assert (said.text, said.attachments, said.quick_reply, said.reply_to) == ("", (), None, None)


@pytest.mark.parametrize("part", [7, None, [], {}, "x"])
@pytest.mark.parametrize("kind", ["text", "image", "button", "interactive", "reaction", "edit", "revoke", "new_type"])
def test_a_whatsapp_message_of_any_shape_can_be_told(kind, part):
    raw = whatsapp(messages=[{**whatsapp_message(), "type": kind, kind: part}])

    (event,) = split("whatsapp", raw)

    if event.kind != "unreadable":
        assert content("whatsapp", event.kind, event.raw).text == ""


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("message", b""),
        ("message", b"canary-text"),
        ("message", b'{"entry":[]}'),
        ("echo", body(a_message(text="canary-text"))),
        ("message", body(a_message(text="canary-text"), a_message("other"))),
        ("message", body({"message": {"text": "canary-text"}})),
        ("unreadable", b"canary-text"),
    ],
)
def test_bytes_that_are_no_such_event_are_refused_without_a_word_of_them(kind, raw):
    with pytest.raises(Unreadable) as caught:
        content("instagram", kind, raw)

    error = caught.value
    while error is not None:
        assert "canary" not in f"{error!r}{error}"
        error = error.__cause__ or error.__context__


def test_what_a_sender_attached_to_its_message_comes_back():
    assert sample("facebook/echo__with_metadata").metadata == "reply:1"
    assert sample("whatsapp/status__sent").metadata == "reply:1"
    assert sample("whatsapp/status__read").metadata == ""


def test_a_status_says_how_far_the_message_came_and_why_no_further():
    told = sample("whatsapp/status__failed")
    assert (told.delivery, told.error_code) == ("failed", 131047)
    assert (sample("whatsapp/status__sent").delivery, sample("whatsapp/status__sent").error_code) == ("sent", None)


@pytest.mark.parametrize("code", [2**31, -(2**31), True, "131047", None])
def test_a_code_that_no_column_holds_is_none(code):
    assert whatsapp_content.status({"errors": [{"code": code}]}, Content()).error_code is None

"""What an update becomes: kind, account, identity, partner, time and place in the lane."""

import json
from datetime import UTC, datetime

import pytest

from instagram_webhooks.providers import split
from tests.providers.builders import (
    ACCOUNT,
    PERSON,
    TIME_MS,
    a_message,
    body,
    change,
    element,
    encoded,
    whatsapp,
    whatsapp_message,
)

AT = datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC)


def only(raw, provider="instagram"):
    (event,) = split(provider, raw)
    return event


def identity(**what):
    return only(body(element(**what))).identity


def test_a_message_is_known_by_its_mid_and_waits_in_its_lane():
    event = only(body(a_message()))

    assert (event.kind, event.account, event.identity) == ("message", ACCOUNT, ("aWdTEST1",))
    assert (event.partner, event.message_id, event.happened_at, event.in_lane) == (
        PERSON,
        "aWdTEST1",
        AT,
        True,
    )


def test_four_events_of_one_message_id_are_told_apart_and_all_name_it():
    mid = {"mid": "aWdTEST1"}
    events = split(
        "instagram",
        body(
            element(message={**mid, "text": "x"}),
            element(message={**mid, "is_deleted": True}),
            element(message={**mid, "is_echo": True}),
            element(message_edit={**mid, "num_edit": 1}),
            element(message_edit={**mid, "num_edit": 2}),
            element(reaction={**mid, "action": "react", "emoji": "❤️"}),
            element(reaction={**mid, "action": "unreact"}),
            element(read=mid),
            element(postback=mid),
        ),
    )

    assert len({(event.kind, event.identity) for event in events}) == 9
    assert {event.message_id for event in events} == {"aWdTEST1"}


def test_a_redelivery_in_another_batch_is_the_same_event():
    items = [
        a_message(),
        element(reaction={"mid": "m", "action": "react", "emoji": "❤️"}),
        element(read={"watermark": 7}),
        element(referral={"ref": "r"}),
        element(optin={"payload": "p"}),
        element(app_roles={"1": ["primary_receiver"]}),
        element(delivery={"watermark": 7}),
        element(new_thing=1),
    ]

    together = split("instagram", body(*items))
    alone = [only(body(dict(reversed(item.items())), time=TIME_MS + 77_000)) for item in items]

    assert [event.identity for event in together] == [event.identity for event in alone]


@pytest.mark.parametrize("number", [0, "0", 1, "2"])
def test_an_edit_is_known_by_its_number_in_either_form(number):
    assert identity(message_edit={"mid": "m", "num_edit": number}) == ("m", str(number))


def test_an_edit_zero_without_sender_has_no_lane():
    event = only(body({"timestamp": TIME_MS, "message_edit": {"mid": "m", "num_edit": 0}}))

    assert (event.kind, event.account, event.partner, event.in_lane) == ("message_edit", ACCOUNT, None, False)


def test_a_reaction_is_known_by_who_what_and_when():
    part = {"mid": "m", "action": "react", "reaction": "love", "emoji": "❤️"}

    assert identity(reaction=part) == (PERSON, "m", "react", "❤️", str(TIME_MS))
    assert only(body(element(reaction=part))).in_lane is False


@pytest.mark.parametrize(
    ("part", "last"), [({"mid": "m"}, "m"), ({"watermark": 1790000000000}, "1790000000000")]
)
def test_a_receipt_is_known_by_its_message_or_its_watermark(part, last):
    assert identity(read=part) == (PERSON, last)


def test_a_postback_without_mid_is_known_by_who_what_and_when():
    assert identity(postback={"mid": "m", "payload": "P"}) == ("m",)
    assert identity(postback={"payload": "P"}) == (PERSON, "P", str(TIME_MS))


@pytest.mark.parametrize(
    "name", ["pass_thread_control", "take_thread_control", "request_thread_control", "app_roles"]
)
def test_each_handover_is_a_handover_of_its_own(name):
    event = only(body(element(**{name: {"new_owner_app_id": 200}})))

    assert event.kind == "handover"
    assert event.identity[:2] == (name, PERSON)
    assert event.in_lane is False


def test_events_without_id_and_time_are_told_apart_by_all_they_hold():
    one, other = ({"referral": {"ref": "r", "source": source}} for source in ("A", "B"))

    first, second, again = split("instagram", body(one, other, one))

    assert first.identity == again.identity != second.identity


@pytest.mark.parametrize("list_name", ["messaging", "standby"])
def test_the_same_message_inside_and_outside_standby_is_one_event(list_name):
    event = only(body(a_message(), list_name=list_name))

    assert (event.kind, event.identity) == ("message", ("aWdTEST1",))
    assert b'"' + list_name.encode() + b'"' in event.raw


def test_an_echo_belongs_to_its_recipient_and_has_no_lane():
    event = only(body(element(sender=ACCOUNT, recipient=PERSON, message={"mid": "m", "is_echo": True})))

    assert (event.kind, event.account, event.partner, event.in_lane) == ("echo", ACCOUNT, PERSON, False)


def test_a_deletion_by_the_account_itself_waits_in_the_lane_of_the_customer():
    event = only(body(element(sender=ACCOUNT, recipient=PERSON, message={"mid": "m", "is_deleted": True})))

    assert (event.kind, event.partner, event.in_lane) == ("message_deleted", PERSON, True)


@pytest.mark.parametrize(
    ("item", "account"),
    [
        (element(message={"mid": "m"}), ACCOUNT),
        (element(sender=ACCOUNT, recipient=PERSON, message={"mid": "m", "is_echo": True}), ACCOUNT),
    ],
)
@pytest.mark.parametrize("entry_id", [None, [], 1.5, True, "", "with space", "x" * 65])
def test_an_entry_without_usable_id_leaves_the_account_to_the_item(item, account, entry_id):
    event = only(body(item, entry_id=entry_id))

    assert event.account == account
    assert split("instagram", event.raw) == [event]


def test_ids_may_be_integers_beyond_the_exact_floats():
    event = only(
        body(
            element(sender=99007199254740993, message={"mid": 99007199254740995}), entry_id=17841400000000001
        )
    )

    assert (event.account, event.partner, event.identity) == (
        "17841400000000001",
        "99007199254740993",
        ("99007199254740995",),
    )


TIMES = [
    (1790000000123, AT),
    ("1790000000123", AT),
    (1790000000, AT.replace(microsecond=0)),
    ("1790000000", AT.replace(microsecond=0)),
    (1790000000123.0, AT),
    (233445667, datetime(1977, 5, 25, 22, 1, 7, tzinfo=UTC)),
    (999999999999, None),
    (10**30, None),
    ("9" * 5000, None),
    (-1, None),
    (0, None),
    (True, None),
    (None, None),
    ([1], None),
    ({}, None),
    ("soon", None),
    ("", None),
    ("-5", None),
    ("１７９０００００００", None),
]


@pytest.mark.parametrize(("stamp", "expected"), TIMES, ids=str)
def test_a_time_is_milliseconds_or_seconds_or_unusable(stamp, expected):
    assert only(body({**a_message(), "timestamp": stamp})).happened_at == expected


@pytest.mark.parametrize("stamp", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
def test_a_time_that_is_no_number_of_json_is_unusable(stamp):
    raw = body(a_message()).replace(b'"timestamp":1790000000123', b'"timestamp":' + stamp)

    assert only(raw).happened_at is None


def test_a_comment_happened_when_it_was_sent():
    event = only(change("comments", {"id": "1795", "from": {"id": PERSON}}))

    assert (event.kind, event.identity, event.partner, event.message_id) == (
        "comment",
        ("1795",),
        PERSON,
        "1795",
    )
    assert (event.happened_at, event.in_lane) == (AT.replace(microsecond=0), False)


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
        only(change("feed", {"verb": verb, "comment_id": "9_1", "message": text}), "facebook")
        for verb, text in parts
    ]

    assert [(event.kind, *event.identity[:2]) for event in events] == [
        ("feed", verb, "9_1") for verb, _ in parts
    ]
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
    assert (
        only(whatsapp(phone_number_id=number, messages=[whatsapp_message()]), "whatsapp").account
        == "100000000000009"
    )


@pytest.mark.parametrize(("type_", "kind"), [("edit", "message_edit"), ("revoke", "message_deleted")])
def test_a_whatsapp_edit_is_known_by_its_own_id_and_is_about_another(type_, kind):
    message = whatsapp_message(2, kind=type_, original_message_id="wamid.TEST1")

    event = only(whatsapp(messages=[message]), "whatsapp")

    assert (event.kind, event.identity, event.message_id) == (kind, ("wamid.TEST2",), "wamid.TEST1")


def test_a_whatsapp_test_is_a_test():
    raw = whatsapp(entry_id="0", messages=[whatsapp_message()])

    assert only(raw, "whatsapp").is_test
    assert only(raw, "whatsapp").identity != only(raw, "whatsapp").identity


def test_the_url_decides_and_not_the_object():
    raw = json.loads(body(a_message()))
    for provider in ("instagram", "facebook", "whatsapp"):
        for object_ in ("instagram", "page", "permissions", 7, None):
            assert only(encoded({**raw, "object": object_}), provider).kind == "message"


def test_no_identity_depends_on_when_the_batch_was_sent():
    for raw in (body(a_message()), change("comments", {"id": "1"}), change("weather", {"wind": 1})):
        later = raw.replace(b'"time":179', b'"time":180')
        assert raw != later
        assert only(raw).identity == only(later).identity

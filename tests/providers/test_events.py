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


def test_an_edit_whose_number_no_column_holds_is_not_read():
    assert identity(message_edit={"mid": "m", "num_edit": 32_767}) == ("m", "32767")
    assert only(body(element(message_edit={"mid": "m", "num_edit": 32_768}))).kind == "unreadable"


def test_an_edit_zero_without_sender_has_no_lane():
    event = only(body({"timestamp": TIME_MS, "message_edit": {"mid": "m", "num_edit": 0}}))

    assert (event.kind, event.account, event.partner, event.in_lane) == ("message_edit", ACCOUNT, None, False)


def test_a_reaction_is_known_by_who_what_and_when():
    part = {"mid": "m", "action": "react", "reaction": "love", "emoji": "❤️"}

    assert identity(reaction=part) == (PERSON, "m", "react", "❤️", str(TIME_MS))
    assert only(body(element(reaction=part))).in_lane is True  # it waits for the message that it is about


@pytest.mark.parametrize(("part", "last"), [({"mid": "m"}, "m"), ({"watermark": 1790000000000}, "1790000000000")])
def test_a_receipt_is_known_by_its_message_or_its_watermark(part, last):
    assert identity(read=part) == (PERSON, last)


def test_a_postback_without_mid_is_known_by_who_what_and_when():
    assert identity(postback={"mid": "m", "payload": "P"}) == ("m",)
    assert identity(postback={"payload": "P"}) == (PERSON, "P", str(TIME_MS))


@pytest.mark.parametrize("name", ["pass_thread_control", "take_thread_control", "request_thread_control", "app_roles"])
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


def test_a_tap_of_the_account_on_its_own_button_belongs_to_the_account():
    tap = element(sender=ACCOUNT, recipient=PERSON, is_self=True, postback={"mid": "m", "payload": "P"})

    event = only(body(tap, entry_id=None))

    assert (event.kind, event.account, event.partner) == ("postback", ACCOUNT, PERSON)


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
        body(element(sender=99007199254740993, message={"mid": 99007199254740995}), entry_id=17841400000000001)
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

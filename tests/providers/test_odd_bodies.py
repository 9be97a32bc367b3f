"""Whatever Meta signs is answered with events: nothing raises, and what is broken stands alone."""

import hashlib
import json

import pytest

from instagram_webhooks.providers import split
from tests.providers.builders import (
    ACCOUNT,
    a_message,
    body,
    change,
    element,
    encoded,
    whatsapp,
    whatsapp_message,
)

TEXT = body(a_message())
DEEP = b"[" * 100_000 + b"]" * 100_000


def digest(raw):
    return hashlib.sha256(raw).hexdigest()


def kinds(raw, provider="instagram"):
    return [event.kind for event in split(provider, raw)]


NO_BODIES = {
    "nothing": b"",
    "blank": b" \n ",
    "no JSON": b"hello",
    "cut": TEXT[:-9],
    "followed by more": TEXT + b"{}",
    "two objects": b'{"x":NaN}{"b":2}',
    "null": b"null",
    "true": b"true",
    "a number": b"1e999",
    "a string": b'"x"',
    "an unending string": b'{"entry":"x}',
    "deep and cut": b'{"object":"instagram","entry":' + b"[" * 100_000,
    "deep with objects and cut": b'{"a":' * 50_000,
    "entry is a number": b'{"entry":7}',
    "one closing bracket too many": b'{"entry":[]}}',
    "names that are no strings": b'{1:2,"entry":NaN}',
    "a name without a value": b'{"entry":[NaN],"b"}',
    "no UTF-8": b"\xff\xfe\x00",
    "UTF-16": TEXT.decode().encode("utf-16"),
}


@pytest.mark.parametrize("raw", NO_BODIES.values(), ids=NO_BODIES)
def test_a_body_that_cannot_be_parsed_is_one_unreadable_event(raw):
    (event,) = split("instagram", raw)

    assert (event.kind, event.account, event.identity) == ("unreadable", "", (digest(raw),))
    assert event.raw == raw
    assert not event.is_test
    assert not event.in_lane


EMPTY_BODIES = {
    "an empty list": (b"[]", ""),
    "an empty object": (b"{}", ""),
    "no entry": (b'{"object":"instagram"}', ""),
    "entry null": (b'{"object":"instagram","entry":null}', ""),
    "entry empty": (b'{"object":"instagram","entry":[ ]}', ""),
    "an entry without updates": (b'{"entry":[{"id":"178","time":1}]}', "178"),
    "null lists": (b'{"entry":[{"id":"178","messaging":null,"standby":null,"changes":null}]}', "178"),
    "empty lists": (b'{"entry":[{"id":"178","messaging":[]}]}', "178"),
    "an unusable id": (b'{"entry":[{"id":["178"]}]}', ""),
    "two accounts": (b'{"entry":[{"id":"178"},{"id":"179"}]}', ""),
    "one account twice": (b'{"entry":[{"id":"178"},{"id":"178"}]}', "178"),
    "changed fields only": (b'{"entry":[{"id":"178","changed_fields":["comments"]}]}', "178"),
    "NaN beside": (b'{"x":NaN,"entry":[]}', ""),
}


@pytest.mark.parametrize(("raw", "account"), EMPTY_BODIES.values(), ids=EMPTY_BODIES)
def test_a_body_without_updates_is_one_empty_event(raw, account):
    (event,) = split("instagram", raw)

    assert (event.kind, event.account, event.identity, event.raw) == ("empty", account, (digest(raw),), raw)


def test_an_entry_without_updates_adds_nothing_beside_one_with_updates():
    tree = json.loads(TEXT)
    tree["entry"].append({"id": "179"})

    assert kinds(encoded(tree)) == ["message"]


BROKEN_ITEMS = [
    None,
    17,
    "no object at all",
    [],
    ["message"],
    {"message": "not an object"},
    {"message": ["x"]},
    {"message": 7, "sender": {"id": "1"}},
    {"message": None},
    {"message": {"text": "no mid"}},
    {"message": {"mid": 1.5}},
    {"message": {"mid": True}},
    {"message": {"mid": ["x"]}},
    {"message": {"mid": ""}},
    {"sender": 7, "message": {"mid": "m"}},
    {"sender": {"id": {}}, "message": {"mid": "m"}},
    {"sender": None, "recipient": None, "message": []},
    {"message_edit": {"mid": "m"}},
    {"message_edit": {"mid": "m", "num_edit": "one"}},
    {"message_edit": {"mid": "m", "num_edit": 1.0}},
    {"message_edit": {"mid": "m", "num_edit": True}},
    {"reaction": {"action": "react"}},
    {"reaction": {"mid": "m", "action": {}}},
    {"read": {}},
    {"delivery": {"mids": [{}]}},
    {"app_roles": []},
]


@pytest.mark.parametrize("item", BROKEN_ITEMS, ids=json.dumps)
def test_a_broken_item_is_one_unreadable_event_between_sound_neighbours(item):
    before, broken, after = split("instagram", body(a_message("first"), item, a_message("last")))

    assert (before.identity, after.identity) == (("first",), ("last",))
    raw = encoded(item)
    assert (broken.kind, broken.account, broken.identity, broken.raw) == (
        "unreadable",
        ACCOUNT,
        (digest(raw),),
        raw,
    )


def test_an_empty_item_and_one_of_unknown_keys_are_kept_as_unknown():
    assert kinds(body({}, {"new": 1})) == ["unknown", "unknown"]


BROKEN_CHANGES = {
    "a number": 7,
    "no field": {"value": {}},
    "field null": {"field": None, "value": {}},
    "no value": {"field": "comments"},
    "value null": {"field": "comments", "value": None},
    "value a list": {"field": "comments", "value": []},
    "no comment id": {"field": "comments", "value": {"text": "x"}},
    "author a string": {"field": "comments", "value": {"id": "1", "from": "me"}},
    "no media id": {"field": "story_insights", "value": {}},
    "a message without mid": {"field": "messages", "value": {"message": {}}},
}


@pytest.mark.parametrize("item", BROKEN_CHANGES.values(), ids=BROKEN_CHANGES)
def test_a_broken_change_is_one_unreadable_event(item):
    sound = {"field": "comments", "value": {"id": "17950000000000001"}}

    first, broken = split("instagram", body(sound, item, list_name="changes"))

    assert (first.kind, broken.kind, broken.account) == ("comment", "unreadable", ACCOUNT)
    assert broken.raw == encoded(item)


BROKEN_WHATSAPP = [17, None, [], {}, {"id": 1.5}, {"type": "text"}]


@pytest.mark.parametrize("item", BROKEN_WHATSAPP, ids=json.dumps)
def test_a_broken_whatsapp_message_leaves_its_neighbours_alone(item):
    raw = whatsapp(messages=[whatsapp_message(1), item, whatsapp_message(2)], statuses=[{"id": "w", "status": "sent"}])

    events = split("whatsapp", raw)

    assert [event.kind for event in events] == ["message", "unreadable", "message", "status"]
    assert events[1].raw == encoded(item)


def test_a_whatsapp_list_that_is_none_leaves_the_other_list_alone():
    assert kinds(whatsapp(messages=[whatsapp_message(1)], statuses=7), "whatsapp") == [
        "message",
        "unreadable",
    ]
    assert kinds(whatsapp(messages=7), "whatsapp") == ["unreadable"]


def test_scalars_in_the_place_of_entries_are_unreadable_each():
    events = split("instagram", b'{"entry":[1,null,"x",[]]}')

    assert [(event.kind, event.account, event.raw) for event in events] == [
        ("unreadable", "", raw) for raw in (b"1", b"null", b'"x"', b"[]")
    ]


def test_a_list_of_updates_that_is_none_is_unreadable_and_the_other_list_is_read():
    raw = b'{"entry":[{"id":"178","changes":7,"messaging":[{"message":{"mid":"m"}}]}]}'

    events = split("instagram", raw)

    assert [(event.kind, event.account) for event in events] == [("message", "178"), ("unreadable", "178")]


@pytest.mark.parametrize(
    ("odd", "identity"),
    [
        (TEXT.replace(b'"hello"', b'"a\\ud800b"'), "aWdTEST1"),
        (TEXT.replace(b'"hello"', b'"a\\u0000b"'), "aWdTEST1"),
        (TEXT.replace(b'"hello"', b"NaN"), "aWdTEST1"),
        (TEXT.replace(b'"hello"', b"-Infinity"), "aWdTEST1"),
        (TEXT.replace(b'"timestamp":', b'"timestamp":' + b"9" * 5000), "aWdTEST1"),
        (TEXT.replace(b'"timestamp":', b'"timestamp":NaN,"x":'), "aWdTEST1"),
        (TEXT.replace(b'"aWdTEST1"', b'"\\udfffaWd"'), "\udfffaWd"),
        (TEXT.replace(b'"aWdTEST1"', b'"\\u0000aWd"'), "\x00aWd"),
        (TEXT.replace(b'"aWdTEST1"', b'"' + b"m" * 9000 + b'"'), "m" * 9000),
        (TEXT.replace(b'"aWdTEST1"', b"99007199254740993"), "99007199254740993"),
        (TEXT.replace(b'"aWdTEST1"', b"123456789012345678901234567890"), "123456789012345678901234567890"),
        (TEXT.replace(b'"aWdTEST1"', b"9" * 5000), "9" * 5000),
        (TEXT.replace(b'"instagram"', b'"permissions"'), "aWdTEST1"),
        (TEXT.replace(b'"instagram"', b'"' + b"x" * 5000 + b'"'), "aWdTEST1"),
        (b" [ " + TEXT + b" ] ", "aWdTEST1"),
    ],
)
def test_a_message_with_strange_parts_is_still_a_message(odd, identity):
    (event,) = split("instagram", odd)

    assert (event.kind, event.account, event.identity) == ("message", ACCOUNT, (identity,))
    assert split("instagram", event.raw) == [event]


@pytest.mark.parametrize("strange", [b'"\xff\xfe"', DEEP, b'{"a":' * 2000 + b"1" + b"}" * 2000, b"1 2", b'"\x01"'])
def test_an_item_that_no_parser_reads_does_not_take_its_neighbours_along(strange):
    raw = body(a_message("first"), a_message("odd", x="X"), a_message("last")).replace(b'"X"', strange)

    first, odd, last = split("instagram", raw)

    assert [first.identity, last.identity] == [("first",), ("last",)]
    assert (odd.kind, odd.account) == ("unreadable", ACCOUNT)
    assert strange in odd.raw


def test_blanks_and_escapes_between_strange_parts_do_not_confuse_the_scanner():
    item = b'{ "message" : { "mid" : "m" } }'
    strange = b'{ "x" : [ NaN , "],}\\"" , {} ] , "entry" : [ { "id" : "178" , "messaging" : [ %s ] } ] }'
    raw = strange % item

    (event,) = split("instagram", raw)

    assert (event.kind, event.account, event.identity) == ("message", "178", ("m",))


def test_objects_in_an_outer_array_are_each_read():
    assert kinds(b"[" + TEXT + b",7," + TEXT + b"]") == ["message", "unreadable", "message"]


def test_a_change_of_an_unknown_field_takes_any_value():
    for value in (None, 7, "x", [1], {"a": 1}):
        (event,) = split("instagram", change("weather", value))
        assert event.kind == "unknown"


def test_without_any_usable_account_an_item_is_unreadable():
    raw = body(element(recipient="no account", message={"mid": "m"}), entry_id="x" * 65)

    (event,) = split("instagram", raw)

    assert (event.kind, event.account) == ("unreadable", "")

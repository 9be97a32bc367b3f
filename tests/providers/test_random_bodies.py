"""Bodies that nobody thought of: each gives events, and nothing raises."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.providers import split


@pytest.mark.parametrize("provider", PROVIDERS)
@settings(deadline=None, max_examples=150)
@given(raw=st.binary(max_size=200))
def test_random_bytes_never_raise(provider, raw):
    assert split(provider, raw)


KEYS = st.sampled_from(
    [
        *("object", "entry", "id", "time", "messaging", "standby", "changes", "field", "value", "sender"),
        *("recipient", "timestamp", "message", "mid", "text", "is_echo", "reaction", "postback"),
        *("message_edit", "num_edit", "read", "metadata", "phone_number_id", "messages", "statuses"),
        *("status", "type", "from", "contacts", "wa_id", "edit"),
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(("0", "messages"))
)
TREES = st.recursive(
    LEAVES, lambda one: st.lists(one, max_size=4) | st.dictionaries(KEYS, one, max_size=5), max_leaves=20
)
ITEMS = st.lists(st.dictionaries(KEYS, TREES, max_size=5) | TREES, max_size=4)
ENTRIES = st.fixed_dictionaries(
    {"id": st.sampled_from(["178", "0", 178, None, [], "x" * 65])},
    optional={"messaging": ITEMS, "standby": ITEMS, "changes": ITEMS, "time": LEAVES},
)
WHATSAPP_VALUES = st.fixed_dictionaries(
    {}, optional={"messages": ITEMS, "statuses": ITEMS, "metadata": TREES, "contacts": TREES}
)
WHATSAPP = WHATSAPP_VALUES.map(lambda value: {"id": "178", "changes": [{"field": "messages", "value": value}]})
BODIES = st.fixed_dictionaries({"entry": st.lists(ENTRIES | WHATSAPP | TREES, max_size=3)}) | TREES


@pytest.mark.parametrize("provider", PROVIDERS)
@settings(deadline=None, max_examples=100)
@given(tree=BODIES)
def test_random_json_never_raises_and_each_event_can_be_split_from_its_raw_again(provider, tree):
    events = split(provider, json.dumps(tree).encode())

    assert events
    for event in events:
        if event.kind != "unreadable":
            (again,) = split(provider, event.raw)
            assert (again.kind, again.account, again.is_test) == (event.kind, event.account, event.is_test)
            assert event.is_test or again == event


@pytest.mark.parametrize("provider", PROVIDERS)
@settings(deadline=None, max_examples=60)
@given(tree=BODIES, cut=st.data())
def test_json_with_a_byte_changed_never_raises(provider, tree, cut):
    raw = bytearray(json.dumps(tree).encode())
    raw[cut.draw(st.integers(0, len(raw) - 1))] = cut.draw(st.integers(0, 255))

    assert split(provider, bytes(raw))


@settings(deadline=None, max_examples=100)
@given(tree=TREES)
def test_the_scanner_cuts_like_the_parser(tree):
    tree = {"entry": [{"id": "178", "messaging": [{"x": tree}, {"message": {"mid": "m"}}]}]}
    parsed, scanned = (
        json.dumps(tree).encode(),
        json.dumps({**tree, "no number of JSON": float("nan")}).encode(),
    )

    assert split("facebook", scanned) == split("facebook", parsed)

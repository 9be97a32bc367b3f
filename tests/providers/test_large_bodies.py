"""What a large body costs: as much as it holds, and no more than a bound."""

import json

import pytest

from instagram_webhooks.providers import split
from tests.providers.builders import ACCOUNT, a_message, body, encoded, whatsapp, whatsapp_message


def kinds_of(raw):
    return [event.kind for event in split("instagram", raw)]


def test_more_updates_than_meta_can_send_are_not_taken_apart():
    assert kinds_of(b'{"entry":[' + b"1," * 20_000 + b"1]}") == ["unreadable"]
    assert kinds_of(body(*[1] * 20_000)) == ["unreadable"]
    assert kinds_of(encoded({"entry": [{"id": "178", "messaging": [1] * 100}] * 200})) == ["unreadable"]


def test_nesting_without_end_is_given_up():
    deep = b'[{"":' * 300_000 + b"1" + b"}]" * 300_000
    raw = b'{"entry":[{"id":"178","messaging":[' + deep + b"]}]}"

    (event,) = split("instagram", raw)

    assert (event.kind, event.account) == ("unreadable", "")


def test_repeated_updates_are_repeated_events_with_one_identity():
    first, second = split("instagram", body(a_message(), a_message()))

    assert first == second


def test_a_thousand_updates_are_a_thousand_events_whose_raws_do_not_grow_with_the_batch():
    def total_bytes(count):
        events = split("instagram", body(*(a_message(f"aWd{n:06d}") for n in range(count))))
        assert [event.identity for event in events] == [(f"aWd{n:06d}",) for n in range(count)]
        return sum(len(event.raw) for event in events)

    assert total_bytes(1000) == 10 * total_bytes(100)


def test_a_thousand_whatsapp_messages_keep_one_contact_each():
    people = [f"1555010{n:04d}" for n in range(1000)]
    contacts = [{"profile": {"name": f"Person {number}"}, "wa_id": number} for number in people]
    messages = [whatsapp_message(n, sender=number) for n, number in enumerate(people)]

    events = split("whatsapp", whatsapp(contacts=contacts, messages=messages))

    assert [event.partner for event in events] == people
    assert all(event.raw.count(b"Person ") == 1 for event in events)
    assert len({len(event.raw) for event in events}) <= 4


@pytest.mark.parametrize("name", ["object", "id", "time"])
def test_long_labels_are_not_repeated_in_every_event(name):
    tree = json.loads(body(*(a_message(f"m{n}") for n in range(50))))
    holder = tree if name == "object" else tree["entry"][0]
    holder[name] = "x" * 100_000

    events = split("instagram", encoded(tree))

    assert len(events) == 50
    assert {event.account for event in events} == {ACCOUNT}
    assert all(len(event.raw) < 1000 for event in events)

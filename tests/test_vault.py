"""Sealing and digests: the one room of personal data."""

import hmac
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.ids import uuid7
from instagram_webhooks import vault
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import PayloadSealBroken
from instagram_webhooks.events import ParsedEvent
from tests.builders import knobs

ROW = uuid7()


def sealed(text="hello", row=ROW, place="t.c"):
    return vault.seal_text(text, place=place, row_id=row)


@given(st.text())
def test_what_is_sealed_can_be_opened(text):
    assert vault.open_text(sealed(text), place="t.c", row_id=ROW) == text.encode("utf-8", "replace").decode()


def test_sealed_bytes_hide_the_text_and_differ_each_time():
    assert b"hello" not in sealed()
    assert sealed() != sealed()


def test_sealed_bytes_open_for_no_other_row_and_no_other_column():
    for place, row in (("t.other", ROW), ("t.c", uuid7())):
        with pytest.raises(PayloadSealBroken):
            vault.open_text(sealed(), place=place, row_id=row)


@given(st.integers(min_value=0))
def test_no_byte_can_be_changed(n):
    data = bytearray(sealed())
    data[n % len(data)] ^= 1

    with pytest.raises(PayloadSealBroken):
        vault.open_text(bytes(data), place="t.c", row_id=ROW)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x05abc", b"\xff" * 40])
def test_bytes_that_were_never_sealed_are_refused(data):
    with pytest.raises(PayloadSealBroken):
        vault.open_text(data, place="t.c", row_id=ROW)


def test_the_newest_key_seals_and_older_ones_still_open():
    old, new = b"o" * 32, b"n" * 32
    with knobs(encryption_keys={"old": old}):
        before = sealed()
    with knobs(encryption_keys={"new": new, "old": old}):
        assert vault.open_text(before, place="t.c", row_id=ROW) == "hello"
        assert sealed()[1:4] == b"new"
    with knobs(encryption_keys={"new": new}), pytest.raises(PayloadSealBroken):
        vault.open_text(before, place="t.c", row_id=ROW)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_digests_of_different_parts_differ(one, other):
    assert (vault.digest("x", *one) == vault.digest("x", *other)) == (one == other)


def test_a_digest_is_what_it_was_when_rows_were_found_by_it_first():
    key = conf().lookup_key
    said = "message\0003:a\ud800b".encode("utf-8", "surrogatepass")

    assert vault.digest("message", "a\ud800b").bytes == hmac.new(key, said, "sha256").digest()[:16]


def test_a_digest_depends_on_the_key_and_on_its_purpose():
    found = vault.digest("event", "a")
    with knobs(lookup_key=b"other key".ljust(32)):
        assert vault.digest("event", "a") != found
    assert vault.digest("message", "a") != found
    assert isinstance(found, uuid.UUID)


def an_event(kind, *identity, message_id=None):
    return ParsedEvent(kind=kind, account="1", identity=identity, message_id=message_id, raw=b"{}")


def test_the_key_of_an_event_begins_with_its_message_and_ends_with_what_it_is():
    message, read = an_event("message", "m-1", message_id="m-1"), an_event("read", "7", "m-1", message_id="m-1")

    keys = [vault.keys_of("instagram", event) for event in (message, read)]

    led = vault.message_digest("m-1").bytes[:8]
    assert [each.event[:8] for each in keys] == [led, led]
    assert [each.event[8:] for each in keys] == [
        vault.digest("event", "instagram", "1", "message", "m-1").bytes[8:],
        vault.digest("event", "instagram", "1", "read", "7", "m-1").bytes[8:],
    ]
    first, last = vault.event_keys(vault.message_digest("m-1"))
    assert all(first.bytes <= each.event <= last.bytes for each in keys)


def test_the_key_of_an_event_without_a_message_is_its_own_digest():
    keys = vault.keys_of("instagram", an_event("empty", "a"))

    assert (keys.event, keys.message) == (vault.digest("event", "instagram", "1", "empty", "a").bytes, None)

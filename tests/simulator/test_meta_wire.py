import hashlib
import hmac
import json

import pytest

from simulator.client import NotDelivered, Sender
from simulator.meta_wire import changed_byte, headers, sign, wire


def test_wire_form_escapes_what_ordinary_json_leaves_alone():
    raw = wire({"text": "50% de réduction 👋 https://shop.example/ü"})

    assert raw == (b'{"text":"50\\u0025 de r\\u00e9duction \\ud83d\\udc4b https:\\/\\/shop.example\\/\\u00fc"}')


def test_wire_form_keeps_the_meaning_even_beside_backslashes():
    body = {"text": 'a\\%b\\/c"%"\n', "/%": ["\ud83d", 1789041600123]}

    assert json.loads(wire(body)) == body


def test_both_signatures_cover_the_raw_bytes():
    raw = wire({"text": "à"})

    named = headers(raw, "secret")

    assert named["X-Hub-Signature-256"] == "sha256=" + hmac.new(b"secret", raw, hashlib.sha256).hexdigest()
    assert named["X-Hub-Signature"] == "sha1=" + hmac.new(b"secret", raw, hashlib.sha1).hexdigest()
    assert named["User-Agent"] == "facebookexternalua"


@pytest.mark.parametrize("raw", [b'{"a":"b","t":17}', b"abc", b"7"])
def test_one_byte_changes_and_no_other(raw):
    other = changed_byte(raw)

    assert len(other) == len(raw)
    assert sum(one != two for one, two in zip(raw, other, strict=True)) == 1


def test_sender_posts_signed_wire_form_over_one_connection(receiver):
    with Sender(receiver.url, "secret") as sender:
        answers = [sender.post({"text": text}) for text in ("à/1", "à/2")]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[1].headers["x-correlation-id"] == "request-2"
    named, raw = receiver.got[0]
    assert raw == b'{"text":"\\u00e0\\/1"}'
    assert named["x-hub-signature-256"] == sign(raw, "secret")


def test_sender_says_when_nobody_listens(receiver):
    receiver.server_close()

    with Sender(receiver.url, "secret") as sender, pytest.raises(NotDelivered):
        sender.post({})


def test_sender_refuses_an_address_without_host():
    with pytest.raises(ValueError, match="http://"):
        Sender("localhost:8000", "secret")

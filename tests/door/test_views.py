"""The front door, through Django's own request handling."""

import hashlib
import hmac
import json

import pytest
from django.test import Client

from instagram_webhooks import providers
from instagram_webhooks.conf import BODY_LIMIT_BYTES
from instagram_webhooks.door import signatures
from instagram_webhooks.errors import HandshakeRefused, SignatureMismatch
from instagram_webhooks.inbox import wake_ups
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.providers import samples
from tests.builders import a_body, a_message, an_item, knobs
from tests.processes.process import until

SECRET = "a secret"
WIRES = [name for name in samples.names() if "/wire__" in name]


@pytest.fixture
def post(own_database):
    """Posts to a provider, signed unless told otherwise."""
    secrets = dict.fromkeys(("instagram", "facebook", "whatsapp"), (SECRET, "older"))

    def call(body, provider="instagram", signature=None, slash="", **headers):
        signature = sign(body) if signature is None else signature
        headers |= {"x-hub-signature-256": signature} if signature else {}
        path = f"/webhooks/{provider}{slash}"
        return Client().post(path, body, content_type="application/json", headers=headers)

    with knobs(app_secrets=secrets, verify_tokens=dict.fromkeys(secrets, "word")):
        yield call


def sign(body, secret=SECRET):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("provider", ["instagram", "facebook", "whatsapp"])
def test_a_signed_body_is_stored_and_answered_200(post, provider, slash):
    answer = post(a_body(a_message()), provider, slash=slash)

    assert (answer.status_code, answer.content) == (200, b"")
    assert WebhookEvent.objects.get().provider == provider


def test_an_older_secret_still_verifies_during_a_rotation(post):
    body = a_body(a_message())

    assert post(body, signature=sign(body, "older")).status_code == 200


@pytest.mark.parametrize(
    "signature", ["", "sha256=" + "0" * 64, "sha256=", "sha1=" + "0" * 40, "0" * 64, "sha256=" + "Z" * 64]
)
def test_a_wrong_or_missing_signature_is_refused_and_leaves_no_event(post, signature):
    answer = post(a_body(a_message()), signature=signature)

    assert (answer.status_code, WebhookEvent.objects.count()) == (403, 0)


def test_a_refusal_says_which_check_failed_and_never_what_was_expected(post, caplog):
    body = a_body(a_message())

    answer = post(body, signature="sha256=" + "0" * 64)

    assert [record.check for record in caplog.records if record.msg == "webhook.rejected"] == ["no_secret_matches"]
    said = answer.content.decode() + caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert sign(body)[7:] not in said


@pytest.mark.parametrize("name", WIRES)
def test_the_form_on_the_wire_verifies_byte_for_byte(name):
    body = samples.load(name)

    assert signatures.verify(body, sign(body), [SECRET]) == 0
    with pytest.raises(SignatureMismatch):
        signatures.verify(json.dumps(json.loads(body)).encode(), sign(body), [SECRET])


def test_there_are_samples_of_the_wire_form():
    assert len(WIRES) >= 3


def test_without_a_secret_nothing_verifies():
    with pytest.raises(SignatureMismatch):
        signatures.verify(b"", sign(b"", ""), [])


@pytest.mark.parametrize("size", [BODY_LIMIT_BYTES, BODY_LIMIT_BYTES + 1])
def test_the_body_limit_is_four_mebibytes(post, size):
    body = a_body(a_message())

    answer = post(body + b" " * (size - len(body)))

    assert answer.status_code == (200 if size == BODY_LIMIT_BYTES else 413)


def test_unknown_providers_and_methods_are_refused(post):
    assert Client().get("/webhooks/telegram").status_code == 404
    assert Client().post("/webhooks/telegram").status_code == 404
    answer = Client().put("/webhooks/instagram")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(("given", "is_taken"), [("abc-123", True), ("bad id", False), ("x" * 65, False), ("", False)])
def test_a_well_formed_correlation_id_is_taken_and_returned(post, given, is_taken):
    answer = post(a_body(a_message()), **({"x-correlation-id": given} if given else {}))

    own = answer["X-Correlation-ID"]
    assert (own == given) == is_taken
    assert WebhookEvent.objects.get().correlation_id == f"{own}.1"


def test_the_handshake_echoes_the_challenge_as_plain_text(post, django_assert_num_queries):
    query = {"hub.mode": "subscribe", "hub.challenge": "<b>é", "hub.verify_token": "word"}

    with django_assert_num_queries(0):
        answer = Client().get("/webhooks/instagram", query)

    assert (answer.status_code, answer.content.decode()) == (200, "<b>é")
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("mode", "token", "challenge", "expected"),
    [
        ("unsubscribe", "word", "1", "word"),
        ("subscribe", "other", "1", "word"),
        ("subscribe", "", "1", ""),
        ("subscribe", "é\0", "1", "word"),
        ("subscribe", "word", "", "word"),
    ],
)
def test_a_handshake_with_a_wrong_part_is_refused(mode, token, challenge, expected):
    with pytest.raises(HandshakeRefused):
        signatures.answer_handshake(mode, token, challenge, expected=expected)


def test_one_wake_up_a_lane_and_one_for_each_event_without(post, monkeypatch):
    offered = []
    monkeypatch.setattr(wake_ups, "publisher", Recorder(offered))

    post(
        a_body(
            *[a_message(f"m-{n}") for n in range(3)],
            a_message("m-9", sender="9"),
            an_item(read={"mid": "m-1"}),
        )
    )

    until(lambda: offered, "they are offered")
    assert len(offered) == 3


def test_a_duplicate_and_an_ignored_event_wake_nobody(post, monkeypatch):
    body = a_body(a_message())
    post(body)
    offered = []
    monkeypatch.setattr(wake_ups, "publisher", Recorder(offered))

    post(body)
    post(a_body(a_message(), account="0"))
    post(a_body(a_message("m-2", sender="9")))

    until(lambda: offered, "the one after them is offered")
    assert offered == [WebhookEvent.objects.latest("event_id").pk]


def test_a_duplicate_is_named_in_the_log(post, caplog):
    caplog.set_level("INFO")
    body = a_body(a_message())
    post(body)

    answer = post(body)

    (known,) = [record for record in caplog.records if record.msg == "webhook.known"]
    assert answer.status_code == 200
    assert known.event_ids == [str(WebhookEvent.objects.get().pk)]


@pytest.mark.parametrize("body", [b"", b"hello", b"null", b'{"object":"instagram"}', b"[" * 100_000, b'{"entry":[1]}'])
def test_whatever_meta_signed_is_answered_200_and_kept(post, body):
    assert post(body).status_code == 200
    assert WebhookEvent.objects.count() == len(providers.split("instagram", body))


class Recorder:
    """Stands where the publisher stands, at the edge to the broker."""

    def __init__(self, offered):
        self._offered = offered

    def offer(self, ids):
        self._offered.extend(ids)

"""The handshake at the public address: each thing that can be in its way has words of its own."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from instagram_webhooks.desk import handshake as module
from instagram_webhooks.desk.findings import Verdict
from instagram_webhooks.desk.handshake import callback, handshake
from tests.builders import knobs

WORD = "a-verify-token-of-some-length"


@pytest.fixture(autouse=True)
def settings_of_the_trade():
    with knobs(verify_tokens={"instagram": WORD, "facebook": "", "whatsapp": ""}):
        yield


def as_meta_wants(query):
    return 200, {"Content-Type": "text/plain"}, query["hub.challenge"]


def answering(status, body="", **headers):
    return lambda _query: (status, headers, body)


def test_a_service_that_echoes_the_challenge_is_asked_as_meta_asks(place):
    with place(as_meta_wants) as here:
        found = handshake(f"http://{here.address}")

    path, query = here.queries[0]
    assert path == "/webhooks/instagram"
    assert (query["hub.mode"], query["hub.verify_token"]) == ("subscribe", WORD)
    assert query["hub.challenge"].isdigit()
    assert found.verdict is Verdict.UNSURE  # http on this machine: fine for a trial, not for Meta
    assert "https only" in found.said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(403, "handshake_refused"), "knows another verify token"),
        (answering(403, "<h1>Forbidden</h1>"), "not by this service"),
        (answering(404, "no such page"), "nothing is there (404)"),
        (answering(401), "a login is asked for"),
        (answering(502), "the server fails (502)"),
        (answering(200, "<html>Welcome</html>"), "something else answers there"),
        (answering(418), "the answer is 418"),
        (
            answering(301, Location="https://www.example.org/webhooks/instagram?hub.verify_token=x"),
            "redirects (301)",
        ),
    ],
)
def test_what_is_in_the_way_is_said_in_words(place, answer, said):
    with place(answer) as here:
        found = handshake(f"http://{here.address}/")

    assert found.verdict is Verdict.WRONG
    assert said in found.said
    assert found.advice
    assert WORD not in str(found)
    assert "hub.verify_token" not in str(found)


def test_a_certificate_that_meta_would_refuse_is_named(place, tmp_path):
    with place(as_meta_wants, context=self_signed(tmp_path)) as here:
        found = handshake(f"https://{here.address}")

    assert found.verdict is Verdict.WRONG
    assert "the certificate of 127.0.0.1 is not valid (self-signed certificate" in found.said


def test_nobody_listening_and_an_unknown_name_are_told_apart(place):
    with place(as_meta_wants) as here:
        gone = here.address

    assert "takes no connection" in handshake(f"http://{gone}").said
    assert "is not known" in handshake("https://no-such-host.invalid").said


def test_a_service_that_hangs_is_given_up(place, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with place(as_meta_wants) as here:
        here.server.get_request = lambda: (_ for _ in ()).throw(OSError)  # takes no connection from the queue
        found = handshake(f"http://{here.address}")

    assert "does not answer within 0.2 s" in found.said


@pytest.mark.parametrize("url", ["hooks.example.org", "ftp://hooks.example.org", "https://", ""])
def test_what_is_no_web_address_is_refused(url):
    assert "no web address" in handshake(url).said


@pytest.mark.parametrize(
    "given",
    [
        "https://a.example",
        "https://a.example/",
        "https://a.example/webhooks/instagram",
        "https://a.example/webhooks/instagram/?x=1",
    ],
)
def test_service_or_callback_address_mean_the_same(given):
    assert callback(given) == "https://a.example/webhooks/instagram"


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "pair.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context

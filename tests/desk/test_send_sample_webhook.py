"""Sample webhooks, as a service receives them."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import CommandError, call_command

from instagram_webhooks import providers
from instagram_webhooks.door.signatures import verify
from instagram_webhooks.providers import samples


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it and answers with `status`."""

    status = 200

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/webhooks"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body, self.headers["X-Hub-Signature-256"]))
        self.send_response(self.server.status)
        self.send_header("X-Correlation-ID", f"req-{len(self.server.got)}")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(*words):
    out = io.StringIO()
    try:
        call_command("send_sample_webhook", *words, stdout=out, stderr=out)
    except CommandError as failure:
        return out.getvalue(), str(failure), failure.returncode
    return out.getvalue(), "", 0


def test_each_sample_is_posted_signed_to_its_provider(receiver, settings, monkeypatch):
    monkeypatch.setenv("PORT", str(receiver.server_port))

    out, _, code = sent("instagram/message__text", "whatsapp/message__text")

    assert code == 0
    assert out == (
        "200  instagram/message__text  correlation id req-1\n200  whatsapp/message__text  correlation id req-2\n"
    )
    assert [path for path, _, _ in receiver.got] == ["/webhooks/instagram", "/webhooks/whatsapp"]
    for provider, (_, body, signature) in zip(("instagram", "whatsapp"), receiver.got, strict=True):
        assert verify(body, signature, settings.WEBHOOKS.app_secrets[provider]) == 0


def test_a_sample_sent_twice_is_two_events(receiver):
    sent("instagram/message__text", "instagram/message__text", "--url", receiver.url)

    first, second = (providers.split("instagram", body)[0] for _, body, _ in receiver.got)
    assert first.identity != second.identity


def test_a_sample_may_be_sent_as_it_is(receiver):
    sent("instagram/wire__message_unicode", "--times-as-they-are", "--url", receiver.url)

    assert receiver.got[0][1] == samples.load("instagram/wire__message_unicode")


def test_a_refusal_is_a_failure(receiver):
    receiver.status = 403

    out, said, code = sent("instagram/message__text", "--url", receiver.url)

    assert out.startswith("403 ")
    assert (said[:6], code) == ("1 of 1", 1)


def test_where_nobody_listens_it_says_what_to_start():
    _, said, code = sent("instagram/message__text", "--url", "http://127.0.0.1:1/webhooks/instagram")

    assert code == 1
    assert "start the web process" in said


@pytest.mark.parametrize("url", ["nonsense", "http://[", "127.0.0.1:1"])
def test_an_address_that_is_none_is_a_failure(url):
    assert sent("instagram/message__text", "--url", url)[2] == 1


def test_without_a_secret_nothing_is_sent(settings, receiver):
    from dataclasses import replace

    settings.WEBHOOKS = replace(settings.WEBHOOKS, app_secrets={"instagram": ()})

    _, said, code = sent("instagram/message__text", "--url", receiver.url)

    assert (code, receiver.got) == (1, [])
    assert "INSTAGRAM_APP_SECRETS" in said


def test_an_unknown_sample_sends_none(receiver):
    _, said, code = sent("instagram/message__text", "instagram/nothing", "--url", receiver.url)

    assert (code, receiver.got) == (1, [])
    assert said == 'There is no sample "instagram/nothing"; --list prints all names.'


@pytest.mark.parametrize("name", ["instagram/mesage__text", "message__text", "instagram/message_text", "mesage__text"])
def test_an_unknown_sample_is_told_which_names_are_near(name):
    _, said, code = sent(name)

    assert code == 1
    assert said.startswith(f'There is no sample "{name}"; near it: ')
    assert "instagram/message__text" in said


@pytest.mark.parametrize("end", ["", "/"])
def test_an_address_without_a_path_is_the_service_s_own(receiver, end):
    base = f"http://127.0.0.1:{receiver.server_port}{end}"

    sent("instagram/message__text", "whatsapp/message__text", "--url", base)
    sent("instagram/message__text", "--url", f"http://127.0.0.1:{receiver.server_port}/behind/a/proxy")

    assert [path for path, _, _ in receiver.got] == ["/webhooks/instagram", "/webhooks/whatsapp", "/behind/a/proxy"]


def test_naming_no_sample_is_wrong_usage():
    assert sent()[2] == 2


def test_the_list_names_all_samples():
    assert sent("--list")[0].split() == samples.names()

"""The border to Meta, over real HTTP."""

import contextlib
import socket
import threading
import time
import uuid

import pytest

from audit import correlation
from instagram_webhooks import errors
from instagram_webhooks.replies import graph_api
from instagram_webhooks.replies.graph_api import Destination
from simulator.graph import GraphSimulator
from tests.builders import knobs

ACCOUNT, TOKEN, PERSON = "178", "a token", "612"
REPLY = uuid.UUID("01900000-0000-7000-8000-000000000001")


@pytest.fixture
def graph():
    with GraphSimulator(accounts={ACCOUNT: TOKEN}) as simulator, knobs(graph_api_url=simulator.url, graph_deadline_s=1):
        yield simulator


def to(provider="instagram", token=TOKEN):
    return Destination(provider=provider, account=ACCOUNT, partner=PERSON, token=token)


def send(destination, text, **more):
    return graph_api.send_text(destination, text, reply_id=REPLY, **more)


def test_a_text_is_sent_as_the_interface_says(graph):
    with correlation.bind(correlation_id="request-1.1"):
        message_id = send(to(), "héllo")

    (call,) = graph.calls(PERSON)
    assert (call.method, call.path, call.text, call.mid) == ("POST", f"/v25.0/{ACCOUNT}/messages", "héllo", message_id)


def test_a_whatsapp_text_goes_out_in_its_own_form(graph):
    assert send(to("whatsapp"), "hello").startswith("wamid")
    assert graph.taken(PERSON)[0].text == "hello"


@pytest.mark.parametrize(
    ("script", "meaning"),
    [
        ("reset-before", errors.GraphUnanswered),
        ("timeout-before:5", errors.GraphUnanswered),
        ("slow:5", errors.GraphUnanswered),
        ("not-json:200", errors.GraphUnanswered),
        ("http:500", errors.GraphFailed),
        ("http:400:4", errors.GraphThrottled),
        ("429:3", errors.GraphThrottledFor),
        ("http:400:100", errors.GraphRefused),
    ],
)
def test_every_answer_becomes_one_error_of_ours(graph, script, meaning):
    graph.script(PERSON, [script])

    with pytest.raises(meaning) as raised:
        send(to(), "hello")

    assert type(raised.value) is meaning
    assert len(graph.calls(PERSON)) == 1


def test_a_refused_token_is_told_apart(graph):
    with pytest.raises(errors.TokenRefused):
        send(to(token="another"), "hello")


def test_where_nobody_listens_nothing_was_sent():
    with knobs(graph_api_url="http://127.0.0.1:1"), pytest.raises(errors.GraphUnreachable):
        send(to(), "hello")


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"], ids=["head", "body"])
def test_the_deadline_covers_an_answer_that_comes_byte_by_byte(dripping, head):
    url = dripping(head)
    begun = time.monotonic()

    with knobs(graph_api_url=url, graph_deadline_s=1), pytest.raises(errors.GraphUnanswered):
        send(to(), "hello")

    assert time.monotonic() - begun < 3


def test_a_failed_tls_handshake_sent_nothing(graph):
    with knobs(graph_api_url=graph.url.replace("http:", "https:")), pytest.raises(errors.GraphUnreachable):
        send(to(), "hello")

    assert graph.calls() == []


def test_the_listing_holds_both_sides_newest_first(graph):
    first = send(to(), "one")
    second = send(to(), "two")

    listed = graph_api.recent_messages(to())

    assert {each.message_id for each in listed} == {first, second}
    assert [each.created_at for each in listed] == sorted((each.created_at for each in listed), reverse=True)
    assert {(each.sender, each.text) for each in listed} == {(ACCOUNT, "one"), (ACCOUNT, "two")}


def test_a_conversation_that_meta_does_not_know_lists_nothing(graph):
    assert graph_api.recent_messages(to()) == []


@pytest.fixture
def dripping():
    """Servers that answer the beginning given and then one byte at a time."""
    with contextlib.ExitStack() as stack:
        ended = threading.Event()

        def serve(server, head):
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(head or b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not ended.wait(0.1):
                    connection.sendall(b"x")

        def start(head):
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            threading.Thread(target=serve, args=[server, head], daemon=True).start()
            return f"http://127.0.0.1:{server.getsockname()[1]}"

        yield start
        ended.set()

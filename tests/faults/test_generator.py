"""The generator plays Meta: what it writes down is what was sent and answered, and everything is taken in the end."""

import hashlib
import hmac
import http.server
import itertools
import json
import socket
import threading
from collections import Counter

import pytest

from instagram_webhooks import providers, vault
from tests.faults import oracle
from tests.faults.generator import Generator
from tests.faults.history import History
from tests.processes.process import until

SECRET = "a-secret"
ACCOUNTS = {"17841400000000042": "a token", "17841400000000043": "another"}
EVENTS = 2400  # of fewer, one batch of fifty that comes again is too large a share


class Receiver(http.server.ThreadingHTTPServer):
    """Answers 200, 503, or breaks the connection, by turns; keeps what it took and what it refused."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.turn, self.lock = itertools.count(), threading.Lock()
        self.taken, self.forged = [], []

    def handle_error(self, request, client_address):
        pass  # a client that went away


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        signature = "sha256=" + hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        with self.server.lock:
            if self.headers["X-Hub-Signature-256"] != signature:
                self.server.forged.append(raw)
                return self._answer(403)
            turn = next(self.server.turn) % 4
            if turn in (0, 3):
                self.server.taken.append(raw)
        if turn == 2:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True
            return self.connection.close()
        return self._answer(503 if turn == 1 else 200)

    def _answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """(receiver, counts, oracle) of a run that is over."""
    with Receiver() as receiver, History(tmp_path_factory.mktemp("run") / "history.jsonl") as history:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{receiver.server_port}"
        generator = Generator(url, SECRET, ACCOUNTS, history, 7, 1000, conversations=50, wait_s=0.05)
        generator.start()
        until(lambda: generator.counts["events"] >= EVENTS, "enough was posted")
        counts = generator.stop()
        receiver.shutdown()
        thread.join()
        yield receiver, counts, oracle.read(history)


def keys(raw):
    """How the product would know the events of this body."""
    return [vault.keys_of("instagram", event).event for event in providers.split("instagram", raw)]


def test_everything_is_taken_in_the_end(run):
    receiver, counts, told = run

    taken = {key for raw in receiver.taken for key in keys(raw)}

    genuine = [event for event in told.events.values() if event.posts]
    assert taken == {event.key for event in genuine}
    assert all(event.acked_at is not None for event in genuine)
    assert counts["acked"] == len(genuine)
    assert counts["unacked posts"] == 0


def test_each_event_has_a_key_of_its_own_which_is_the_products(run):
    receiver, _, told = run

    held = {event.key: event.kind for event in told.events.values()}

    assert len(held) == len(told.events)
    assert {key for raw in receiver.taken + receiver.forged for key in keys(raw)} <= set(held)
    assert set(held.values()) == {"message", "postback", "read", "reaction", "message_edit", "echo", "unknown"}


def test_the_history_tells_every_answer(run):
    receiver, counts, told = run

    assert told.statuses["200"] == len(receiver.taken)
    assert told.statuses["503"] > 0
    assert told.statuses.keys() - {"200", "403", "503"} <= {"ConnectionResetError", "RemoteDisconnected"}
    assert told.statuses.get("403", 0) == len(receiver.forged)
    assert len(told.acks) == 2 * len(receiver.taken)
    assert told.taken_for_true == []
    assert sum(told.statuses.values()) == sum(n for what, n in counts.items() if what.startswith("answer "))


def test_about_a_tenth_comes_more_than_once_also_in_other_batches(run):
    _, counts, told = run

    genuine = [event for event in told.events.values() if event.posts]
    again = [event for event in genuine if len(event.posts) > 1]
    batches = {event.number: {told.posts[number].events for number in event.posts} for event in again}

    assert 0.05 < counts["duplicates"] / len(genuine) < 0.20
    assert 0.05 < len(again) / len(genuine) < 0.20
    assert {len(found) > 1 for found in batches.values()} == {True, False}


def test_batches_are_small_mostly_and_hold_conversations_out_of_order(run):
    _, counts, told = run

    sizes = Counter(len(post.events) for post in told.posts.values())
    shuffled = [
        post for post in told.posts.values()
        if [told.events[n].at_ms for n in post.events] != sorted(told.events[n].at_ms for n in post.events)
    ]  # fmt: skip

    assert sum(count for size, count in sizes.items() if size <= 3) > 0.7 * sizes.total()
    assert max(sizes) <= 90
    assert shuffled
    assert counts["late"] == sum(event.is_late for event in told.events.values()) > 0


def test_the_numbers_in_the_texts_are_those_of_the_history(run):
    receiver, _, told = run

    items = [item for raw in receiver.taken for entry in json.loads(raw)["entry"] for item in entry["messaging"]]
    texts = [item["message"]["text"] for item in items if "message" in item and not item["message"].get("is_echo")]
    numbers = {text.rpartition(" ")[2] for text in texts}  # before it may stand what it does to a worker

    assert numbers == {f"n{event.number}" for event in told.events.values() if event.kind == "message" and event.posts}

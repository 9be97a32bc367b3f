"""The last look at the clock before a request leaves, on a real socket."""

import contextlib
import math
import socket
import threading
import time
import uuid

import pytest

from instagram_webhooks.errors import GraphUnreachable
from instagram_webhooks.inbox.finish import FencedOut
from instagram_webhooks.replies import graph_api, wire
from instagram_webhooks.replies.graph_api import Destination
from instagram_webhooks.replies.wire import Permit
from tests.builders import knobs

BODY = b'{"message_id": "m-1"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Meta:
    """Listens, keeps what each read gave, and answers the first."""

    def __init__(self):
        self.reads = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self._connection = None
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            self._connection, _ = self._server.accept()
            while read := self._connection.recv(65536):
                self.reads.append(read)
                self._connection.sendall(ANSWER)
        self.ended.set()

    def close(self):
        self._server.close()
        if self._connection is not None:
            self._connection.close()


@pytest.fixture
def meta():
    meta = Meta()
    with knobs(graph_api_url=meta.url, graph_deadline_s=2.0):
        yield meta
    meta.close()


def send(permit):
    to = Destination(provider="instagram", account="178", partner="612", token="a token")
    return graph_api.send_text(to, "hello", reply_id=uuid.uuid4(), permit=permit)


def late():
    return time.monotonic() - 0.001


def test_head_and_body_leave_in_one_piece(meta):
    assert send(Permit(math.inf, late)) == "m-1"

    (read,) = meta.reads
    assert read.startswith(b"POST /v25.0/178/messages ")
    assert b'"hello"' in read


def test_a_late_request_asks_again_before_its_first_byte_and_then_leaves_once(meta):
    seen = []

    def renew():
        seen.append(list(meta.reads))
        return late() if len(seen) == 1 else math.inf

    assert send(Permit(late(), renew)) == "m-1"

    assert (seen, len(meta.reads)) == ([[], []], 1)


def test_of_a_request_whose_claim_is_lost_nothing_leaves(meta):
    def renew():
        raise FencedOut

    with pytest.raises(FencedOut):
        send(Permit(late(), renew))

    assert meta.ended.wait(5)
    assert meta.reads == []


def test_a_request_that_is_never_in_time_ends_with_its_deadline_and_sent_nothing(meta):
    def renew():
        time.sleep(0.05)
        return late()

    with knobs(graph_api_url=meta.url, graph_deadline_s=0.1), pytest.raises(GraphUnreachable):
        send(Permit(late(), renew))

    assert meta.ended.wait(5)
    assert meta.reads == []


def test_a_call_is_made_without_room_for_the_thread_that_ends_late_ones(refused_thread):
    refusals = refused_thread("graph-deadlines")
    watch, (ours, theirs) = wire._Watch(), socket.socketpair()
    with ours, theirs:
        watch.begin(math.inf, ours)
        assert not refusals
        watch.begin(time.monotonic(), ours)  # the next one has it
        theirs.settimeout(10)

        assert theirs.recv(1) == b""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from instagram_webhooks.alarms import incidents, rounds, telling
from instagram_webhooks.alarms.deliver import Channel
from instagram_webhooks.alarms.incidents import Seen
from instagram_webhooks.inbox import turn
from instagram_webhooks.models import Turn

SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSBhbGVydHMnIHVybCAhIQ=="


class Box:
    """A way to ops that keeps what is delivered, or fails as told."""

    def __init__(self, way="post", error=None):
        self.way, self.words, self.error, self.messages = way, "The box", error, []

    def send(self, message):
        if self.error:
            raise self.error
        self.messages.append(message)

    @property
    def channel(self):
        return Channel(self.way, self.words, self.send)

    @property
    def subjects(self):
        return [message.subject for message in self.messages]


class Chat:
    """A real HTTP server that answers one POST with `status` and keeps headers and body of what it got."""

    def __init__(self, status=200):
        self.got = []
        chat = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                chat.got.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):  # where a followed redirect would arrive
                chat.got.append("followed")
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/secret-of-the-chat"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def stopped(*labels, state="token"):
    """These accounts, and no others, cannot be worked for."""
    seen = [Seen(key=label, facts={"account": label, "state": state}) for label in labels]
    incidents.note({"account_stopped": seen}, lingers_s=0.0)


def told(*boxes, pause_s=0.0):
    return telling.tell([box.channel for box in boxes], pause_s=pause_s)


@pytest.fixture
def box():
    return Box()


@pytest.fixture
def minute():
    """One round of alarms, as if a minute had gone by since the last one."""

    def go_by():
        Turn.objects.exclude(name=turn.BEAT).delete()
        assert rounds.run()

    return go_by

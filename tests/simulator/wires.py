"""Plain HTTP for these tests: a caller of the Graph API, and a service that takes webhooks."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

SHOP = "17841400555000111"
TOKEN = "token-of-the-shop"


class Got(NamedTuple):
    status: int
    headers: Any
    raw: bytes

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def code(self):
        error = self.json["error"]
        return error["code"], error.get("error_subcode")


def call(url: str, method: str, path: str, body=None, *, token: str | None = TOKEN, timeout: float = 5) -> Got:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return Got(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def send(graph, recipient: str, text: str = "Hello", *, account: str = SHOP, **options) -> Got:
    body = {"recipient": {"id": recipient}, "message": {"text": text}}
    return call(graph.url, "POST", f"/v25.0/{account}/messages", body, **options)


def wait_for(condition: Callable[[], Any], timeout: float = 5) -> Any:
    """What the condition gives once it is true."""
    until = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > until:
            raise AssertionError("It did not come true in time.")
        threading.Event().wait(0.005)
    return found


class Receiver(ThreadingHTTPServer):
    """A service that takes webhooks: keeps what it got, in the order in which it came."""

    daemon_threads = True

    def __init__(self):
        self.got: list[tuple[dict, bytes]] = []
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        super().__init__(("127.0.0.1", 0), _Door)
        self.url = f"http://127.0.0.1:{self.server_port}/webhooks/instagram"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 2

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, raw))
        self.server.answers.wait(5)
        self.send_response(self.server.status)
        self.send_header("X-Correlation-ID", f"request-{len(self.server.got)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Quiet."""

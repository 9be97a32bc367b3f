import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.management import CommandError, call_command

from instagram_webhooks.management.commands.connect_instagram import Command
from simulator.graph import GraphSimulator
from tests.builders import ACCOUNT, TOKEN, knobs

SECRETS = {"instagram": ("a" * 32, "b" * 32), "facebook": (), "whatsapp": ()}
WORDS = {"instagram": "a-verify-token-of-some-length", "facebook": "", "whatsapp": ""}


@pytest.fixture
def graph():
    """Meta's stand-in, and settings that point to it."""
    with (
        GraphSimulator({ACCOUNT: TOKEN}) as simulator,
        knobs(graph_api_url=simulator.url, app_secrets=SECRETS, verify_tokens=WORDS),
    ):
        yield simulator


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token.txt"
    path.write_text(f"{TOKEN}\n")
    return path


class Run:
    """What one run of the command printed, and its exit code."""

    def __init__(self, *arguments, answers=()):
        self.questions = []
        waiting = iter(answers)

        def answer(question):
            self.questions.append(question)
            given = next(waiting)
            if given is KeyboardInterrupt:
                raise KeyboardInterrupt
            return given

        out, self.code, self.error = io.StringIO(), 0, ""
        command = Command(stdout=out, ask=answer, ask_secretly=answer, is_interactive=lambda: bool(answers))
        try:
            call_command(command, *map(str, arguments))
        except CommandError as exc:
            self.code, self.error = exc.returncode, str(exc)
        self.out = out.getvalue()


@pytest.fixture
def run():
    return Run


class Place:
    """A web server at an address of this machine; `answer` gives status, headers and body to a query."""

    def __init__(self, answer, context=None):
        self.queries = queries = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                queries.append((urlsplit(self.path).path, query))
                status, headers, body = answer(query)
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def place():
    return Place

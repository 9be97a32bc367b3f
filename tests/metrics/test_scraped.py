"""A worker's own page, over real HTTP."""

import contextlib
import os
import socket
from pathlib import Path

import pytest
import requests
from prometheus_client.values import close_all_multiprocess_files

from instagram_webhooks import metrics
from instagram_webhooks.metrics import files
from instagram_webhooks.worker.scraped import Scraped
from tests.builders import knobs
from tests.metrics.scrape import TOKEN, ask, scraped
from tests.processes.process import until
from webhooks_project.embedded.server import free_port


@pytest.fixture
def serve(monkeypatch):
    """Starts the page of this process on a port, which is given back."""
    page = Scraped()
    monkeypatch.setenv(files.VARIABLE, "/of/another/program")

    with contextlib.ExitStack() as stack:

        def start(*, port=None, token=TOKEN):
            port = port or free_port()
            stack.enter_context(knobs(metrics_port=port, metrics_token=token))
            page.start()
            return port

        start.page = page
        yield start
        folder = Path(os.environ[files.VARIABLE])
        page.stop()
        assert not folder.exists()
    close_all_multiprocess_files()


def listening(port):
    def is_so():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    until(is_so, "it listens")
    return port


def test_the_page_asks_for_the_token_and_knows_no_other_address(serve):
    port = listening(serve())
    metrics.PROCESSED.observe(0.2)

    assert scraped(port)[f"{metrics.PROCESSED.name}_count",] == 1
    for token in ("", "wrong", f"{TOKEN}x"):
        answer = ask(port, token=token)
        assert (answer.status_code, answer.text) == (401, "")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code == 404


def test_where_no_token_is_set_none_is_asked_for(serve):
    port = listening(serve(token=""))

    assert ask(port, token="").status_code == 200


def test_a_client_that_says_nothing_keeps_no_scraper_waiting_for_long(serve):
    port = listening(serve())

    with socket.create_connection(("127.0.0.1", port)):
        assert scraped(port)


def test_a_port_that_is_taken_is_named_and_taken_over_once_it_is_free(serve, caplog):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = serve(port=other.getsockname()[1])
        until(lambda: caplog.records, "it is said")
    (said,) = caplog.records

    assert (said.levelname, said.message, said.port) == ("WARNING", "metrics.port_refused", port)
    assert said.error == "EADDRINUSE"
    assert scraped(listening(port))


def test_the_counts_lie_where_only_their_user_can_read(serve):
    serve()
    folder = Path(os.environ[files.VARIABLE])

    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_size for file in folder.glob("*.db")] == [files.FILE_BYTES] * 2


def test_a_child_that_outlives_its_parent_does_not_keep_the_port(serve):
    port = listening(serve())
    ends, told = os.pipe()
    if (child := os.fork()) == 0:
        os.read(ends, 1)
        os._exit(0)

    serve.page.stop()

    try:
        until(lambda: is_free(port), "the port is free, though the child lives")
    finally:
        os.write(told, b"x")
        os.waitpid(child, 0)
        os.close(ends)
        os.close(told)


def is_free(port):
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False

"""
/metrics of a worker: one page for its main process and all of its children, on a port of its own.

Nothing of it may hold up the work. Where the port is taken, as by the worker that this one replaces, it is tried again
until it is free; where there is no room for the counts, the worker works and counts nothing.
"""

import errno
import logging
import os
import shutil
import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

from instagram_webhooks.conf import conf

log = logging.getLogger(__name__)

AGAIN_S = 1.0
SLOWEST_S = 2.0  # between two bytes


class Scraped:
    """Of the main process. In a fork of it `stop` does nothing."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._after_fork)

    def _reset(self) -> None:
        self._folder = ""
        self._server: HTTPServer | None = None
        self._stopped = threading.Event()

    def _after_fork(self) -> None:
        if self._server is not None:
            self._server.socket.close()  # or a lost parent's port would stay taken
        self._reset()

    def start(self) -> None:
        """Counts and answers from now on, where METRICS_PORT says so."""
        if not conf().metrics_port:
            return
        from instagram_webhooks.metrics import files

        try:
            self._folder = tempfile.mkdtemp(prefix="instagram-webhooks-metrics-")
        except OSError as exc:
            log.warning("metrics.off", extra={"error_class": type(exc).__name__})
            return
        os.environ[files.VARIABLE] = self._folder
        if files.begin():
            threading.Thread(target=self._run, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Counts no more, and leaves nothing behind."""
        self._stopped.set()
        if self._folder:
            from instagram_webhooks.metrics import files

            files.end()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self) -> None:
        port, told = conf().metrics_port, False
        while not self._stopped.is_set():
            try:
                self._server = _Server((conf().metrics_host, port), _Page)
            except OSError as exc:
                if not told:
                    log.warning(
                        "metrics.port_refused", extra={"port": port, "error": errno.errorcode.get(exc.errno or 0)}
                    )
                told = True
                self._stopped.wait(AGAIN_S)
                continue
            log.info("metrics.listening", extra={"port": port})
            with self._server as server:
                while not self._stopped.is_set():
                    server.handle_request()


class _Server(ThreadingHTTPServer):
    """Each scraper in a thread of its own: one that drips keeps no other waiting."""

    block_on_close = False
    timeout = 0.5  # then it looks whether it is to stop

    def __init__(self, place: tuple[str, int], page: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        super().__init__(place, page)

    def handle_error(self, *_: object) -> None:
        """A scraper that went away is no news, and its traceback no log line of ours."""


class _Page(BaseHTTPRequestHandler):
    timeout = SLOWEST_S
    server_version, sys_version = "instagram-webhooks", ""

    def do_GET(self) -> None:
        """The page, where the token of the settings is brought, or none is set."""
        from instagram_webhooks.metrics import answer

        token = conf().metrics_token
        if self.path != "/metrics":
            self._answer(404)
        elif token and not answer.is_allowed(self.headers.get("Authorization", ""), token):
            log.warning("scrape.refused", extra={"status": 401})
            self._answer(401, {"WWW-Authenticate": answer.CHALLENGE})
        else:
            body, content_type = answer.text({}, accept=self.headers.get("Accept", ""))
            self._answer(200, {"Content-Type": content_type}, body)

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """It would write to standard error what it was asked."""


def count_as_child() -> None:
    """A command of a worker that counts counts beside it."""
    if conf().metrics_port:
        from instagram_webhooks.metrics import files

        files.begin()

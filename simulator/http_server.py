"""HTTP around the Graph API: threads, kept connections, and the ways in which an answer may fail to come."""

import contextlib
import json
import re
import socket
import struct
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulator import control, edges
from simulator.exchange import Reply, Request, refusal
from simulator.world import World

MAX_BODY_BYTES = 4 * 1024 * 1024
IDLE_S = 300
VERSION = re.compile(r"v\d{1,3}\.\d{1,3}")


class Server(ThreadingHTTPServer):
    """Knows its connections, so that closing it ends them all, also those held without an answer."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    allow_reuse_port = False  # a port in use is an error, not a port to share

    def __init__(self, port: int, world: World) -> None:
        self.world = world
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.world.lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self.world.lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Break off whatever is open."""
        with self.world.lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):  # its own thread was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Reads a call, has it answered, and writes the answer or ends the connection as it says."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    wbufsize = -1  # head and body leave in one piece
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        world, raw = self.server.world, self._body()
        if raw is None:
            self.close_connection = True
            self._write(refusal(100, status=413, why="(#100) The length is missing or too large"))
            return
        request = self._request(raw)
        if request.parts[:1] == (control.ROOT,):
            self._write(control.answer(world, request))
        else:
            self._end(edges.answer(world, request))

    def _end(self, reply: Reply) -> None:
        world, settings = self.server.world, self.server.world.settings
        echo, to = reply.echo, settings.echo
        if echo is not None and to is not None and echo.is_whatsapp != (to.provider == "whatsapp"):
            echo = None
        wait_s = settings.latency_s + reply.delay_s
        if echo is not None and to is not None and to.delay_s < 0:
            world.echoes.post(echo, to)
            wait_s, echo = wait_s - to.delay_s, None
        if wait_s > 0:
            world.is_closing.wait(wait_s)
        if reply.ending == "answer":
            self._write(reply)
        if echo is not None and to is not None:
            world.echoes.post_later(echo, to)
        if reply.ending == "reset":
            self._reset()
        elif reply.ending == "timeout":
            self._hold(reply.hold_s)

    def _body(self) -> bytes | None:
        written = self.headers.get("Content-Length", "0" if self.command == "GET" else "")
        if not written.isdecimal() or int(written) > MAX_BODY_BYTES:
            return None
        return self.rfile.read(int(written))

    def _request(self, raw: bytes) -> Request:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        parts = tuple(urllib.parse.unquote(part) for part in url.path.split("/") if part)
        kind, _, bearer = self.headers.get("Authorization", "").partition(" ")
        return Request(
            method=self.command,
            path=url.path,
            parts=parts[1:] if parts and VERSION.fullmatch(parts[0]) else parts,
            query=query,
            token=bearer.strip() if kind.lower() == "bearer" else query.get("access_token", ""),
            body=_parsed(raw, self.headers.get("Content-Type", "")),
        )

    def _write(self, reply: Reply) -> None:
        raw = reply.raw()
        self.send_response(reply.status)
        self.send_header("Content-Type", f"{reply.content_type}; charset=utf-8")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()

    def _reset(self) -> None:
        """The client sees its connection broken, not closed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _hold(self, hold_s: float) -> None:
        """Say nothing until the client gives up, or for so long."""
        self.close_connection = True
        self.connection.settimeout(max(hold_s, 0.001))
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: calls stand in the record, and paths may hold tokens."""


def _parsed(raw: bytes, content_type: str) -> Any:
    """The body as JSON, or as a form; None for neither."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(urllib.parse.parse_qsl(raw.decode(errors="replace")))
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None

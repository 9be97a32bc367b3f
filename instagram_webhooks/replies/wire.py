"""
Connections to Meta that know three things a usual client does not tell: whether a request had begun,
that its time is over, and that it may no longer begin. One of each thread, kept open.

A time-out of a socket counts from byte to byte; an answer that drips would never end. So a thread
shuts down the socket of a call that is past its deadline.

A process can be stopped at any line. So head and body of a request are gathered and leave in one
piece, and the line before looks at the clock, which runs on while a process is stopped.
"""

import contextlib
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import certifi

EVERY_S = 0.25
CONNECT_S = 5.0
# Meta closes idle connections; a send that meets such an end has an unknown outcome, which costs a look-up.
IDLE_S = 20.0
AT_ONCE = 65_536


class Broken(Exception):
    """No whole answer came. `has_begun`: the request may have been written."""

    def __init__(self, *, has_begun: bool) -> None:
        super().__init__(has_begun)
        self.has_begun = has_begun


@dataclass(slots=True)
class Permit:
    """The right to begin a call until a moment of time.monotonic(). `renew` gives the next one, or raises."""

    not_after: float
    renew: Callable[[], float]


ANY_TIME = Permit(math.inf, lambda: math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. `deadline`, of time.monotonic(), covers all of it, however slowly the bytes of the answer come."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    deadline: float
    permit: Permit = field(default_factory=lambda: ANY_TIME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class _Watch:
    """The sockets of calls under way, by thread. Its own thread starts with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, tuple[float, socket.socket]] = {}
        self._thread: threading.Thread | None = None

    def begin(self, deadline: float, sock: socket.socket) -> None:
        with self._lock:
            self._calls[threading.get_ident()] = (deadline, sock)
            if self._thread is None or not self._thread.is_alive():  # also after a fork
                self._thread = threading.Thread(target=self._run, name="graph-deadlines", daemon=True)
                with contextlib.suppress(RuntimeError):  # no room for a thread now: each read has its own end
                    self._thread.start()

    def end(self) -> None:
        with self._lock:
            self._calls.pop(threading.get_ident(), None)

    def _run(self) -> None:
        while True:
            time.sleep(EVERY_S)
            now = time.monotonic()
            with self._lock:
                for deadline, sock in self._calls.values():
                    if now > deadline:
                        with contextlib.suppress(OSError):
                            sock.shutdown(socket.SHUT_RDWR)


watch = _Watch()


class _Told:
    """What both kinds of connection do differently: the whole request is written at once, or not at all."""

    sock: Any
    timeout: Any
    has_begun = False
    used_at = math.inf

    def exchange(self, request: Request, target: str, most_bytes: int) -> Answer:
        self.has_begun = False
        left_s = max(0.1, request.deadline - time.monotonic())
        if self.sock is None:
            self.timeout = min(CONNECT_S, left_s)
            self.connect()  # type: ignore[attr-defined]
        self.sock.settimeout(left_s)
        self._parts: list[bytes] = []
        self.request(request.method, target, request.body, request.headers)  # type: ignore[attr-defined]
        watch.begin(request.deadline, self.sock)
        _write(self.sock, b"".join(self._parts), self, request)
        with self.getresponse() as response:  # type: ignore[attr-defined]
            body = _read(response, request.deadline, most_bytes)
        self.used_at = time.monotonic()
        return Answer(status=response.status, headers=response.headers, body=body)

    def send(self, data: Any) -> None:
        self._parts.append(data)

    def __del__(self) -> None:  # its thread has ended
        self.close()  # type: ignore[attr-defined]


def _write(sock: Any, whole: bytes, connection: _Told, request: Request) -> None:
    """Writes the request as long as it is permitted; raises what the renewal of the permit does, with nothing sent.

    It is renewed here, on the open connection: connecting anew would take the time that is short.
    """
    permit, write = request.permit, sock.sendall
    while True:
        connection.has_begun = True
        if time.monotonic() <= permit.not_after:
            return write(whole)  # type: ignore[no-any-return]
        connection.has_begun = False
        if time.monotonic() > request.deadline:
            raise TimeoutError
        permit.not_after = permit.renew()


def _read(response: HTTPResponse, deadline: float, most_bytes: int) -> bytes:
    body = bytearray()
    while chunk := response.read1(AT_ONCE):  # what is there; read() would wait for all of it
        body += chunk
        if time.monotonic() > deadline or len(body) > most_bytes:
            raise TimeoutError
    if response.length:  # what was promised and did not come
        raise IncompleteRead(bytes(body), response.length)
    return bytes(body)


class _Plain(_Told, HTTPConnection):
    pass


class _Secure(_Told, HTTPSConnection):
    pass


class _Kept(threading.local):
    """The open connections of one thread."""

    def __init__(self) -> None:
        self.by_place: dict[tuple[str, str], _Plain | _Secure] = {}


_kept = _Kept()


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def exchange(request: Request, *, most_bytes: int) -> Answer:
    """The answer to a request that is made once; raises Broken, and what the renewal of its permit raises.

    Follows no redirect, asks no proxy, reads no more than `most_bytes` of a body.
    """
    url = urlsplit(request.url)
    connection = _connection(url.scheme, url.netloc)
    try:
        return connection.exchange(request, f"{url.path}?{url.query}" if url.query else url.path, most_bytes)
    except (OSError, HTTPException):
        connection.close()
        # Before the first byte of the request nothing can have left: no route, no listener, no TLS.
        raise Broken(has_begun=connection.has_begun) from None
    except BaseException:
        connection.close()
        raise
    finally:
        watch.end()


def _connection(scheme: str, netloc: str) -> _Plain | _Secure:
    """This thread's; closed after a pause, before Meta's end of it may be gone, and opened again by its next use."""
    connection = _kept.by_place.get((scheme, netloc))
    if connection is None:
        connection = _Secure(netloc, context=_trusted()) if scheme == "https" else _Plain(netloc)
        _kept.by_place[scheme, netloc] = connection
    elif time.monotonic() - connection.used_at > IDLE_S:
        connection.close()
    return connection

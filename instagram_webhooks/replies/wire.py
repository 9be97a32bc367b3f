"""
Connections to Meta that know three things urllib3 does not tell: whether a request had begun, that
its time is over, and that it may no longer begin.

A time-out of a socket counts from byte to byte; an answer that drips would never end. So a thread
shuts down the socket of a call that is past its deadline.

A process can be stopped at any line. So head and body of a request are gathered and leave in one
piece, and the line before looks at the clock, which runs on while a process is stopped.
"""

import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

EVERY_S = 0.25


@dataclass(slots=True)
class Permit:
    """The right to begin a call until a moment of time.monotonic(). `renew` gives the next one, or raises."""

    not_after: float
    renew: Callable[[], float]


ANY_TIME = Permit(math.inf, lambda: math.inf)


class Call(threading.local):
    """The call that this thread makes. `has_begun`: the request may have been written."""

    has_begun = False
    deadline = 0.0
    permit = ANY_TIME


call = Call()


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
    _parts: list[bytes] | None = None

    def request(self, *args: Any, **more: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        self._parts = []
        super().request(*args, **more)  # type: ignore[misc]
        whole, self._parts = b"".join(self._parts), None
        watch.begin(call.deadline, self.sock)
        _write(self.sock, whole)

    def send(self, data: Any) -> None:
        if self._parts is None:  # what a proxy is told while connecting
            super().send(data)  # type: ignore[misc]
        else:
            self._parts.append(data)


def _write(sock: Any, whole: bytes) -> None:
    """Writes the request as long as it is permitted; raises what the renewal of the permit does, with nothing sent.

    It is renewed here, on the open connection: connecting anew would take the time that is short.
    """
    permit, write = call.permit, sock.sendall
    while True:
        call.has_begun = True
        if time.monotonic() <= permit.not_after:
            return write(whole)  # type: ignore[no-any-return]
        call.has_begun = False
        if time.monotonic() > call.deadline:
            raise TimeoutError
        permit.not_after = permit.renew()


class _Plain(_Told, HTTPConnection):
    pass


class _Secure(_Told, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class Adapter(HTTPAdapter):
    """requests' adapter over these connections; it repeats nothing."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

"""
Connections to Meta that know two things urllib3 does not tell: whether a request had begun, and
that its time is over.

A time-out of a socket counts from byte to byte; an answer that drips would never end. So a thread
shuts down the socket of a call that is past its deadline.
"""

import contextlib
import socket
import threading
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

EVERY_S = 0.25


class Call(threading.local):
    """The call that this thread makes. `has_begun`: the request may have been written."""

    has_begun = False
    deadline = 0.0


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
    """What both kinds of connection do before a request is written."""

    sock: Any

    def request(self, *args: Any, **more: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        call.has_begun = True
        watch.begin(call.deadline, self.sock)
        super().request(*args, **more)  # type: ignore[misc]


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

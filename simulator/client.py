"""Posts bodies to an address as Meta does and says what came back."""

import http.client
import json
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from simulator.meta_wire import headers as meta_headers
from simulator.meta_wire import wire


class NotDelivered(Exception):
    """No answer came: nobody listens there, the connection broke, or it took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the receiver said. seconds: first byte out to last byte in; header names are lower-case."""

    status: int
    seconds: float
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def json(self) -> Any:
        return json.loads(self.body)


class Sender:
    """Signs and posts webhooks over one kept connection; not for several threads at once.

    secret: the app secret that signs.
    timeout_s: how long one answer may take; Meta itself gives up after some seconds.
    """

    def __init__(self, url: str, secret: str, *, timeout_s: float = 20.0) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The address must begin with http:// or https:// and name a host.")
        self._secret = secret
        self._path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)

    def post(self, body: object) -> Answer:
        """The answer to this body in Meta's wire form; raises NotDelivered."""
        return self.post_raw(wire(body))

    def post_raw(self, raw: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to exactly these bytes, signed unless headers are given; raises NotDelivered."""
        headers = meta_headers(raw, self._secret) if headers is None else headers
        started = time.perf_counter()
        was_open = self._connection.sock is not None
        try:
            return self._exchange(raw, headers, started)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as failure:
            self.close()
            if not was_open:
                raise NotDelivered(type(failure).__name__) from failure
        except (OSError, http.client.HTTPException) as failure:
            self.close()
            raise NotDelivered(type(failure).__name__) from failure
        # A kept connection that the receiver had closed meanwhile is no answer: once more on a new one.
        return self.post_raw(raw, headers)

    def _exchange(self, raw: bytes, headers: Mapping[str, str], started: float) -> Answer:
        self._connection.request("POST", self._path, raw, dict(headers))
        got = self._connection.getresponse()
        body = got.read()
        named = {name.lower(): value for name, value in got.getheaders()}
        return Answer(status=got.status, seconds=time.perf_counter() - started, headers=named, body=body)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

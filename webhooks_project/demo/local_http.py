"""HTTP to processes of this machine: JSON in, JSON out."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WAIT_S = 10

# A proxy that the environment names cannot reach this machine's own addresses.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


def ask(url: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer to a GET, or to a POST where there is a body; OSError where none came."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(  # noqa: S310 - addresses of our own making
        url, data, {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with _open(asked, timeout=WAIT_S) as answer:
            return Answer(answer.status, json.load(answer))
    except urllib.error.HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, None)

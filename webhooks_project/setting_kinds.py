"""The kinds of settings that are more than a word or a number: text in, value out.

Each raises ValueError with words that may follow the name of the setting and quote nothing of the value.
"""

import base64
import math
import re
from collections.abc import Callable
from typing import Any


def _key(value: str) -> bytes:
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError:  # also for text that is not ASCII, which is no binascii.Error
        raise ValueError("must be 32 bytes in base64") from None
    if len(raw) != 32:
        raise ValueError(f"must be 32 bytes in base64, not {len(raw)}")
    return raw


def _keys(value: str) -> dict[str, bytes]:
    """`id:base64[,id:base64…]`, newest first."""
    found: dict[str, bytes] = {}
    for part in value.split(","):
        key_id, _, key = part.strip().partition(":")
        if not re.fullmatch(r"[a-z0-9_-]{1,16}", key_id):
            raise ValueError("needs id:base64 pairs, an id being 1-16 of a-z 0-9 _ -")
        if key_id in found:
            raise ValueError("names an id twice: each key needs an id of its own")
        try:
            found[key_id] = _key(key)
        except ValueError as exc:
            raise ValueError(f"needs id:base64 pairs, and each key {exc}") from None
    return found


def _words(value: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _delays(value: str) -> tuple[float, ...]:
    wanted = "needs one or more numbers of seconds, comma separated"
    try:
        delays = tuple(float(word) for word in _words(value))
    except ValueError:
        raise ValueError(wanted) from None
    if not delays or not all(0 <= delay < math.inf for delay in delays):
        raise ValueError(wanted)
    return delays


def _signing(value: str) -> bytes:
    """A secret as Standard Webhooks writes it; b"" for none."""
    if not value:
        return b""
    wanted = "must be whsec_ and 24 to 64 bytes in base64"
    try:
        raw = base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError(wanted) from None
    if not value.startswith("whsec_") or not 24 <= len(raw) <= 64:
        raise ValueError(wanted)
    return raw


SPANS_S = {"s": 1, "min": 60, "h": 3600, "day": 86400}


def _rate(value: str) -> tuple[int, int]:
    """So many in so many seconds."""
    found = re.fullmatch(r"([1-9][0-9]{0,8})/(s|min|h|day)", value)
    if found is None:
        raise ValueError("must be a whole number, a slash and s, min, h or day, as in 600/min")
    return int(found[1]), SPANS_S[found[2]]


PARSERS: dict[str, Callable[[str], Any]] = {
    "key": _key,
    "keys": _keys,
    "words": _words,
    "delays": _delays,
    "signing": _signing,
    "rate": _rate,
}

"""Single values of Meta's JSON in our terms: ids, times, texts."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from instagram_webhooks.errors import Unreadable

Json = Mapping[str, object]

_FIRST_MILLISECOND = 10**12  # smaller times are seconds: Meta mixes both, also within one field
_account = re.compile(r"[0-9A-Za-z_.:-]{1,64}").fullmatch


def as_object(value: object) -> Json:
    """The value, an object; {} for null or nothing."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable
    return value


def as_id(value: object) -> str | None:
    """An id, of which Meta promises strings and test fixtures hold integers; None where there is none."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unreadable


def needed_id(value: object) -> str:
    """An id without which two events could not be told apart."""
    found = as_id(value)
    if found is None:
        raise Unreadable
    return found


def account_id(value: object) -> str | None:
    """The id where it may stand in a column in the clear, else None."""
    try:
        found = as_id(value)
    except Unreadable:
        return None
    return found if found is not None and _account(found) else None


def whole_number(value: object) -> int:
    """A count up to 32,767, as its column has it; Meta's samples print it as a string, its servers send a number."""
    text = needed_id(value)
    if len(text) > 9 or not (text.isascii() and text.isdecimal()) or int(text) > 32_767:
        raise Unreadable
    return int(text)


def moment(value: object) -> datetime | None:
    """An aware UTC time from milliseconds or seconds since 1970, number or string; None for anything else."""
    if isinstance(value, str) and len(value) < 20 and value.isascii() and value.isdecimal():
        value = int(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value > 0:
        return None
    try:
        return datetime.fromtimestamp(value / 1000 if value >= _FIRST_MILLISECOND else value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def said(holder: Json, name: str) -> str:
    """A text that can be encoded; "" where there is none."""
    value = holder.get(name)
    return encodable(value) if isinstance(value, str) else ""


def encodable(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, which no UTF-8 can hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def inner(holder: Json, name: str) -> Json:
    """The object under that name; {} where there is none or something else."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def inner_objects(holder: Json, name: str) -> list[Json]:
    """The objects of the array under that name."""
    value = holder.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def content_digest(value: object) -> str:
    """The same for the same JSON in any order of names; only for what has no id."""
    try:
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        canonical = ""
    if not canonical:
        raise Unreadable
    return bytes_digest(canonical.encode())


def bytes_digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()

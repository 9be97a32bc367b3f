"""JSON taken apart without being rewritten: each part stays the bytes that Meta sent.

msgspec cuts and reads; it is fast and strict. What it refuses is cut by a scanner that knows only
strings and brackets, so that one item with a lone surrogate, NaN or 100,000 brackets does not take
its neighbours along. Each slice is judged when `parsed()` reads it.
"""

import json
import re
from collections.abc import Iterator

import msgspec

from instagram_webhooks.errors import Unreadable

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE = msgspec.json.Decoder()

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
# The next bracket or outer comma: brackets come in runs, so that 100,000 of them are one step; commas further
# in are passed over. A quote that is met here ends nowhere.
_BETWEEN = rb'(?:[^"%s]++|"(?:[^"\\]++|\\.)*+")*+'
_SIGN = rb"([\[{]++|[\]}]++|[%s])"
_OUTER = re.compile(_BETWEEN % rb"\[\]{}," + _SIGN % rb',"', re.DOTALL)
_INNER = re.compile(_BETWEEN % rb"\[\]{}" + _SIGN % rb'"', re.DOTALL)
_BLANK = b" \t\r\n"

_LONGEST_INTEGER = 40  # digits; Python refuses to convert more than 4300, and no id or time is near
# Meta sends at most 1000 updates; these bound what a strange body may cost.
_MOST_ELEMENTS = 10_000
_MOST_SIGNS = 200_000


def members(raw: bytes) -> dict[str, bytes]:
    """The slice of each member of an object; the last one where a name comes twice."""
    try:
        return {name: bytes(slice_) for name, slice_ in _MEMBERS.decode(raw).items()}
    except (ValueError, RecursionError):
        pass  # the second attempt stands outside: the error's context would hold the body
    found: dict[str, bytes] = {}
    for part in _scanned(raw, b"{}"):
        name, colon, slice_ = _halves(part)
        key = parsed(name)
        if not colon or not isinstance(key, str):
            raise Unreadable
        found[key] = slice_
    return found


def elements(raw: bytes) -> list[bytes]:
    """The slice of each element of an array."""
    try:
        found = [bytes(slice_) for slice_ in _ELEMENTS.decode(raw)]
    except (ValueError, RecursionError):
        found = []
    found = found or list(_scanned(raw, b"[]"))
    if len(found) > _MOST_ELEMENTS:
        raise Unreadable
    return found


def parsed(raw: bytes) -> object:
    """What a slice says. Strings may hold lone surrogates; integers beyond 40 digits come as str."""
    try:
        return _VALUE.decode(raw)
    except (ValueError, RecursionError):
        pass
    try:
        return _LENIENT.decode(raw.decode())
    except (ValueError, RecursionError):
        pass
    raise Unreadable


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


_LENIENT = json.JSONDecoder(parse_int=_integer)


def _scanned(raw: bytes, brackets: bytes) -> Iterator[bytes]:
    """What stands between the outermost commas."""
    text = raw.strip(_BLANK)
    if len(text) < 2 or text[:1] != brackets[:1] or text[-1:] != brackets[1:]:
        raise Unreadable
    start = 1
    for comma in [*_outer_commas(text), len(text) - 1]:
        part = text[start:comma].strip(_BLANK)
        if part or start > 1 or comma < len(text) - 1:
            yield part
        start = comma + 1


def _outer_commas(text: bytes) -> list[int]:
    """Where the outermost commas stand; Unreadable where the brackets do not close at the end."""
    depth, at, commas = 0, 0, []
    for _ in range(_MOST_SIGNS):
        found = (_OUTER if depth == 1 else _INNER).match(text, at)
        if found is None:
            break
        start, at = found.span(1)
        sign = text[start]
        if sign in b"[{":
            depth += at - start
        elif sign in b"]}":
            depth -= at - start
        elif sign in b",":
            commas.append(start)
        else:
            break
        if depth <= 0:
            break
    if depth or at < len(text):
        raise Unreadable
    return commas


def _halves(part: bytes) -> tuple[bytes, bool, bytes]:
    """Name, whether there is a colon, and value of `"name": value`."""
    name = _STRING.match(part)
    if name is None:
        raise Unreadable
    rest = part[name.end() :].lstrip(_BLANK)
    return name[0], rest[:1] == b":", rest[1:].lstrip(_BLANK)

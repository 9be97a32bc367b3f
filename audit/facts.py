"""What may be written down: ids, codes and numbers, never a text that a person wrote."""

import math
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

IDENTIFIER = re.compile(r"[A-Za-z0-9_.:,+-]{0,128}")


class NotAFact(ValueError):
    """A value is no id, code or number, so it could hold personal data."""


def plain(value: object) -> object:
    """The value as JSON knows it; NotAFact if it is more than an id, code, number, time or list of these.

    Shape is all that can be judged here: a word without blanks passes, a sentence does not.
    The refusal names the type only, since the value itself may be what must not be said.
    """
    if isinstance(value, list | tuple | set | frozenset):
        return [_scalar(item) for item in value]
    return _scalar(value)


def plain_mapping(values: Mapping[str, object]) -> dict[str, object]:
    """All values as JSON knows them; NotAFact names the first key that may not be written down."""
    written: dict[str, object] = {}
    for key, value in values.items():
        try:
            written[_name(key)] = plain(value)
        except NotAFact as error:
            raise NotAFact(f"{key}: {error}" if IDENTIFIER.fullmatch(key) else str(error)) from None
    return written


def _name(key: str) -> str:
    if not key or not IDENTIFIER.fullmatch(key):
        raise NotAFact("a key is not a plain name")
    return key


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and IDENTIFIER.fullmatch(value):
        return str(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise NotAFact(f"a {type(value).__name__} that is no id, code or number")

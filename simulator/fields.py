"""Meta's way of naming the fields that an answer shall have: `id,messages.limit(5){id,from{id},message}`."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_LIMIT = re.compile(r"\.limit\((\d{1,4})\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What was asked of one field. limit: at most so many rows; None where not said."""

    limit: int | None = None
    fields: Mapping[str, "Chosen"] = field(default_factory=dict)


def chosen(written: str) -> dict[str, Chosen]:
    """The fields by name; none for an empty text. What is malformed is read as far as it makes sense."""
    found: dict[str, Chosen] = {}
    for part in _parts(written):
        head, brace, inner = part.partition("{")
        limit = _LIMIT.search(head)
        name = head.partition(".")[0].strip()
        if name:
            inside = chosen(inner.rstrip().removesuffix("}")) if brace else {}
            found[name] = Chosen(limit=int(limit[1]) if limit else None, fields=inside)
    return found


def _parts(written: str) -> Iterator[str]:
    depth, start = 0, 0
    for at, sign in enumerate(written):
        depth += (sign == "{") - (sign == "}")
        if sign == "," and depth == 0:
            yield written[start:at]
            start = at + 1
    yield written[start:]

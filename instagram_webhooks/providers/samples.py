"""
Bodies to try things with: one file per kind and form of event, `<kind>__<variant>.json`, by provider.

All people, ids and texts in them are invented. Files named `wire__…` are byte for byte in the form
that Meta signs; the others are spaced for readers.
"""

import json
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

_ROOM = Path(__file__).parent
_TIMES = frozenset({"timestamp", "time", "created_time", "watermark"})
_IDS = frozenset({"mid", "mids", "comment_id", "media_id", "original_message_id"})
_WITH_OWN_ID = frozenset({"comment", "messages", "statuses"})  # whose "id" is that of the event
_COMMENTS = frozenset({"comments", "live_comments"})
_FIRST_MILLISECOND = 10**12

Change = Callable[[str, object], object]  # of the member of that name


def names() -> list[str]:
    """All samples, as `instagram/message__text`."""
    files = sorted(_ROOM.glob("*/samples/*.json"))
    return [f"{file.parent.parent.name}/{file.stem}" for file in files]


def load(name: str) -> bytes:
    """The body of that name. KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    provider, stem = name.split("/")
    return (_ROOM / provider / "samples" / f"{stem}.json").read_bytes()


def with_times_now(body: bytes, now: datetime, *, fresh: bool = False) -> bytes:
    """The body as Meta would send it now: its latest time is now, the others keep their distance to it.

    Each time keeps its form (milliseconds or seconds, number or string). fresh: message, comment and
    media ids become new ones, equal where they were equal, so that the events are new ones.
    """
    tree = json.loads(body)
    found: list[int] = []
    _changed(tree, lambda name, value: found.append(ms) if (ms := _milliseconds(name, value)) else None)
    moved_by = int(now.timestamp() * 1000) - max(found, default=0)
    tree = _changed(tree, lambda name, value: _moved(name, value, moved_by))
    return wire(_changed(tree, _fresh_ids()) if fresh else tree)


def wire(tree: object) -> bytes:
    """JSON as Meta writes it: compact ASCII with lower-case escapes, also for slash and percent sign."""
    compact = json.dumps(tree, separators=(",", ":"))
    return compact.translate({ord("/"): "\\/", ord("%"): "\\u0025"}).encode("ascii")


def _changed(tree: object, change: Change, name: str = "") -> object:
    """A copy in which `change` has replaced members; None from it leaves a member as it is."""
    if isinstance(tree, list):
        return [_changed(one, change, name) for one in tree]
    if not isinstance(tree, dict):
        new = change(name, tree)
        return tree if new is None else new
    is_comment = tree.get("field") in _COMMENTS
    return {key: _changed(one, change, _role(key, name, is_comment)) for key, one in tree.items()}


def _role(key: str, holder: str, is_comment: bool) -> str:
    """The member's name; its own word where "id" is that of a message or a comment."""
    if key == "value" and is_comment:
        return "comment"
    return "mid" if key == "id" and holder in _WITH_OWN_ID else key


def _milliseconds(name: str, value: object) -> int | None:
    if name not in _TIMES or not isinstance(value, int | str) or not str(value).isdecimal():
        return None
    number = int(value)
    return number if number >= _FIRST_MILLISECOND else number * 1000


def _moved(name: str, value: object, moved_by_ms: int) -> object:
    then = _milliseconds(name, value)
    if then is None:
        return None
    is_seconds = len(str(value)) < len(str(_FIRST_MILLISECOND))
    number = (then + moved_by_ms) // (1000 if is_seconds else 1)
    return str(number) if isinstance(value, str) else number


def _fresh_ids() -> Change:
    known: dict[str, str] = {}

    def fresh(name: str, value: object) -> object:
        if name not in _IDS or not isinstance(value, str | int):
            return None
        new = known.setdefault(str(value), _like(str(value)))
        return new if isinstance(value, str) else int(new)

    return fresh


def _like(id_: str) -> str:
    """A new id of the same alphabet, and of the same length where that leaves it unique."""
    if id_.isdecimal():
        return id_[:3] + str(uuid.uuid4().int)[: max(len(id_) - 3, 12)]
    return id_[: max(len(id_) - 24, 6)] + uuid.uuid4().hex[:24]

"""The one id that ties a request to its event, work, reply, dead letter and audit rows."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from audit.ids import uuid7_text

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """What the code that runs now is about; both are empty outside of a request and of work."""

    correlation_id: str = ""
    event_id: uuid.UUID | None = None


_NOTHING = Correlation()
_current: ContextVar[Correlation] = ContextVar("correlation", default=_NOTHING)


def current() -> Correlation:
    """What this thread (or coroutine) is busy with; every log line carries it."""
    return _current.get()


@contextmanager
def bind(*, correlation_id: str, event_id: uuid.UUID | None = None) -> Iterator[Correlation]:
    """Name what the body of the `with` is about; the outer names come back at its end."""
    bound = Correlation(correlation_id=correlation_id, event_id=event_id)
    token = _current.set(bound)
    try:
        yield bound
    finally:
        _current.reset(token)


def well_formed(value: str) -> bool:
    """Whether a caller's correlation id may be taken over: 1 to 64 of `A-Z a-z 0-9 . _ -`."""
    return _WELL_FORMED.fullmatch(value) is not None


def new() -> str:
    """A correlation id for a request that brought none; later ones sort later, so that indexes grow at one end."""
    return uuid7_text()

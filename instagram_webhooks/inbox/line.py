"""
A connection of its own for a few statements that are run again and again, each a transaction by itself.

Django's connections send every statement as text, to be parsed and planned anew, between a BEGIN and a
COMMIT of their own. Here a statement is planned once and is one round trip. PostgreSQL plans it once for
any number of rows, so every kind of plan is ruled out whose cost grows with the table.
"""

import contextlib
import os
import re
import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, InternalError, OperationalError, connections
from django.db.utils import DatabaseErrorWrapper
from psycopg import errors

from instagram_webhooks.inbox.arrays import take_arrays

# No fault of a statement or its values. InternalError: a session ended for idling, or a server become read-only.
DATABASE_FAILED = (OperationalError, InterfaceError, InternalError)
_OF_A_ROW = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)
_NOT = ("seqscan", "bitmapscan", "hashjoin", "mergejoin")
_OPTIONS = "".join(f" -c enable_{kind}=off" for kind in _NOT) + " -c plan_cache_mode=force_generic_plan"


class RowBusy(Exception):
    """A row that the statement needs is held by somebody else; nothing was written."""


def is_of_a_row(exc: Exception) -> bool:
    """Whether Django's error is that of a statement which gave up waiting for somebody else's row."""
    return isinstance(exc.__cause__, _OF_A_ROW)


class Line:
    """One connection, made at its first use and after an error. One statement at a time; others wait for it.

    lock_wait_ms: for so long a statement waits for the row of somebody else, then it raises RowBusy: many wait for
    this line, and a client that does nothing must not stop them all. Without it, as long as Django's connections do.
    joins_input: for statements that join nothing but what they were given, where a nested loop costs its square.
    """

    def __init__(self, *, lock_wait_ms: int | None = None, joins_input: bool = False) -> None:
        self._lock_wait_ms, self._joins_input = lock_wait_ms, joins_input
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self.busy_since: float | None = None  # time.monotonic(), of the statement under way
        self.raw: psycopg.Connection[Any] | None = None  # the parent's is not closed here: that would end it there

    def run(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement, after its commit; raises Django's database errors."""
        with self._lock:
            self.busy_since = time.monotonic()
            try:
                return self._executed(statement, values)
            except DATABASE_FAILED as exc:
                if self._lock_wait_ms is not None and is_of_a_row(exc):
                    raise RowBusy from exc
                self.close()
                raise
            finally:
                self.busy_since = None

    def _executed(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        wrapper = connections[DEFAULT_DB_ALIAS]
        with DatabaseErrorWrapper(wrapper):
            if self.raw is None:
                self.raw = self._opened(wrapper.get_connection_params())
            return executed(self.raw, statement, values, prepare=True)

    def close(self) -> None:
        """Ends the connection; the next statement opens another."""
        raw, self.raw = self.raw, None
        if raw is not None:
            with contextlib.suppress(psycopg.Error):
                raw.close()

    def _opened(self, params: dict[str, Any]) -> psycopg.Connection[Any]:
        kept = {
            name: value
            for name, value in params.items()
            if name not in ("cursor_factory", "context", "prepare_threshold")
        }
        kept["options"] = f"{kept.get('options', '')}{_OPTIONS}".strip()
        if self._joins_input:
            kept["options"] += " -c enable_hashjoin=on -c enable_nestloop=off"
        if self._lock_wait_ms is not None:
            kept["options"] += f" -c lock_timeout={self._lock_wait_ms}"
        raw = psycopg.connect(**kept, autocommit=True)
        take_arrays(raw)
        return raw


def executed(
    raw: psycopg.Connection[Any], statement: str, values: Mapping[str, Any], *, prepare: bool
) -> list[tuple[Any, ...]]:
    """The rows of a statement on a connection that takes Arrays; raises psycopg's errors."""
    text, names = _numbered(statement)
    given = [values[name] for name in names]
    return psycopg.RawCursor(raw).execute(text, given, prepare=prepare, binary=True).fetchall()


@cache
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement as PostgreSQL has it, with $1 for %(name)s, and the names in the order of their numbers.

    psycopg would look for the names at each run: it remembers no statement of more than 4096 characters.
    """
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return f"${names.setdefault(name, len(names) + 1)}" if name else "%"

    text = re.sub(r"%\((\w+)\)s|%%", number, statement)
    return text.encode(), tuple(names)

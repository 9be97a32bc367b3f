"""
Group commit: what waits at the same time shares one statement and one commit.

One thread writes; a request's thread only waits, so it can give up in time whatever the database
does. A frozen PostgreSQL obeys no statement_timeout; its socket is shut down instead. Where many
came together a moment ago the writer waits for as many, a little (decision 18).
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from instagram_webhooks.errors import StoreUnavailable
from instagram_webhooks.inbox.line import DATABASE_FAILED, Line
from instagram_webhooks.inbox.together import LATELY, PATIENCE_S

log = logging.getLogger(__name__)

Row = TypeVar("Row")
Done = TypeVar("Done")

MOST_ROWS = 4_000  # in one statement
LOCK_WAIT_MS = 500  # for a row of somebody who stands still; the batch that needs it then fails alone
ENOUGH = 16  # batches, to wait for no more: from there on each costs PostgreSQL hardly less


@dataclass(slots=True, eq=False)
class _Batch(Generic[Row, Done]):
    rows: Sequence[Row]
    until: float
    ended: threading.Lock = field(default_factory=threading.Lock)  # held until then
    done: list[Done] | None = None
    error: Exception | None = None


class Group(Generic[Row, Done]):
    """Writes batches of rows together.

    `write` stores rows in one transaction, over the line of the thread that calls it, and gives one result a row.
    `then` takes the results of all batches that were stored at once, when those who wait for them have them.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Row], Line], list[Done]],
        then: Callable[[list[list[Done]]], None] = lambda done: None,
    ) -> None:
        self._write, self._then = write, then
        self.restart()
        os.register_at_fork(after_in_child=self.restart)

    def restart(self) -> None:
        """Begins anew with another writer, as after a fork."""
        self._waiting: list[_Batch[Row, Done]] = []
        self._arrived = threading.Condition()
        self._expected = 1  # batches; the writer wakes when so many wait
        self._lately = deque([1], maxlen=LATELY)
        self._writer: _Writer | None = None

    def write(self, rows: Sequence[Row], *, wait_s: float) -> list[Done]:
        """One result a row, after the commit; raises StoreUnavailable after `wait_s`."""
        batch: _Batch[Row, Done] = _Batch(rows, time.monotonic() + wait_s)
        batch.ended.acquire()
        with self._arrived:
            self._waiting.append(batch)
            if self._writer is None or not self._writer.lives():
                self._writer = _Writer(self._serve)
            writer = self._writer
            if len(self._waiting) >= self._expected:
                self._arrived.notify()
        if not batch.ended.acquire(timeout=wait_s):
            writer.shut_down_if_stuck(wait_s)
            raise StoreUnavailable
        if batch.done is None:
            raise StoreUnavailable from batch.error
        return batch.done

    def _serve(self, writer: "_Writer") -> None:
        arrived = self._arrived
        while self._arrived is arrived:  # else there is another writer
            batches = self._take()
            writer.busy_since = time.monotonic()
            try:
                self._write_together(batches, writer.line)
            finally:
                writer.busy_since = None
                for batch in batches:
                    batch.ended.release()
            try:
                self._then([batch.done for batch in batches if batch.done is not None])
            except Exception as exc:  # noqa: BLE001 (whatever it was: without this thread nothing is stored any more)
                log.error("store.then_failed", extra={"error_class": type(exc).__name__})

    def _take(self) -> list[_Batch[Row, Done]]:
        with self._arrived:
            while not self._waiting:
                self._arrived.wait()
            self._expected = min(max(self._lately), ENOUGH)
            if len(self._waiting) < self._expected:
                self._arrived.wait(PATIENCE_S)
            self._expected = 1
            taken: list[_Batch[Row, Done]] = []
            rows, now = 0, time.monotonic()
            while self._waiting and (not taken or rows + len(self._waiting[0].rows) <= MOST_ROWS):
                batch = self._waiting.pop(0)
                if batch.until > now:  # else its request has been answered 503
                    taken.append(batch)
                    rows += len(batch.rows)
            self._lately.append(len(taken))
            return taken

    def _write_together(self, batches: list[_Batch[Row, Done]], line: Line) -> None:
        if not batches:
            return
        try:
            done = self._write_patiently([row for batch in batches for row in batch.rows], line, batches[0].until)
        except Exception as exc:  # noqa: BLE001 (whatever it was, the requests that wait must be answered)
            if len(batches) > 1 and not isinstance(exc, DATABASE_FAILED):
                for batch in batches:  # one bad batch must not fail its neighbours
                    self._write_together([batch], line)
                return
            log.warning("store.failed", extra={"error_class": type(exc).__name__, "count": len(batches)})
            for batch in batches:
                batch.error = exc
            return
        start = 0
        for batch in batches:
            batch.done = done[start : start + len(batch.rows)]
            start += len(batch.rows)

    def _write_patiently(self, rows: Sequence[Row], line: Line, until: float) -> list[Done]:
        """Writes; once more after a deadlock or on a connection that had died unnoticed."""
        try:
            return self._write(rows, line)
        except DATABASE_FAILED:
            _hang_up(line)
            if time.monotonic() > until - 0.5:
                raise
        try:
            return self._write(rows, line)
        except Error:
            _hang_up(line)
            raise


def _hang_up(line: Line) -> None:
    line.close()
    with contextlib.suppress(Error):
        connection.close()


class _Writer:
    """The writing thread with a line of its own, and Django's connection for what goes over that."""

    def __init__(self, serve: Callable[["_Writer"], None]) -> None:
        self.busy_since: float | None = None
        self.line = Line(joins_input=True, lock_wait_ms=LOCK_WAIT_MS)
        self._serve = serve
        self._connection: BaseDatabaseWrapper | None = None
        self._thread = threading.Thread(target=self._run, name="inbox-writer", daemon=True)
        self._thread.start()

    def lives(self) -> bool:
        """Whether it can still write: short of memory a thread may end anywhere."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self._connection = connections[DEFAULT_DB_ALIAS]  # this thread's own
        self._serve(self)

    def shut_down_if_stuck(self, since_s: float) -> None:
        """Ends the socket of a statement that has run for `since_s`, so that its thread comes free."""
        busy_since, wrapper = self.busy_since, self._connection
        if busy_since is None or wrapper is None or time.monotonic() - busy_since < since_s * 0.9:
            return
        for raw in (wrapper.connection, self.line.raw):
            if raw is not None and self.busy_since == busy_since:  # another may have done it, and the writer gone on
                with contextlib.suppress(Exception), socket.socket(fileno=os.dup(raw.pgconn.socket)) as end:
                    end.shutdown(socket.SHUT_RDWR)

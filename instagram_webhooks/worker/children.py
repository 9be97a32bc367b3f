"""The processes of a prefork pool, as their parent sees them: what a lost one held moves on at once."""

import os
import signal
import socket
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from instagram_webhooks.inbox import moves

# By the time of their start too: the id of a process may have been another worker's before.
_ROWS = """
SELECT id FROM instagram_webhooks_worker
 WHERE host = %(host)s AND pid = ANY(%(pids)s) AND started_at >= %(since)s AND stopped_at IS NULL
"""
_STAMP = "UPDATE instagram_webhooks_worker SET stopped_at = clock_timestamp() WHERE id = ANY(%(ids)s)"


class Children:
    """Those of this process. Methods that ask the database raise its errors, and can be called again."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._since: datetime | None = None

    def look(self) -> None:
        """Remembers those that are there, so that they can be missed."""
        if self._since is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp() - interval '1 minute'")
                self._since = cursor.fetchone()[0]
        self._seen |= set(pids())

    def report_lost(self) -> int:
        """Says in the rows of those that are gone that they ended, so that the next sweep frees their claims."""
        gone = self._seen - set(pids())
        if not gone:
            return 0
        found = self._rows(gone)
        if found:
            with connection.cursor() as cursor:
                cursor.execute(_STAMP, {"ids": found})
        self._seen -= gone
        return len(found)

    def kill(self) -> None:
        """Ends all of them by force, and hands back what they held: the end of this worker is no fault of an event."""
        self._seen |= set(pids())
        for pid in pids():
            os.kill(pid, signal.SIGKILL)
        for worker_id in self._rows(self._seen):
            moves.give_back(worker_id)
        self.report_lost()

    def _rows(self, some: Collection[int]) -> list[UUID]:
        values = {"host": socket.gethostname()[:100], "pids": list(some), "since": self._since}
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, values)
            return [row[0] for row in cursor.fetchall()]


def pids() -> list[int]:
    """The children of this process, whichever of its threads started them."""
    found: list[int] = []
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        found += [int(pid) for pid in task.read_text().split()]
    return found

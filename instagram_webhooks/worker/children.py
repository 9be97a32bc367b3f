"""The processes of a prefork pool, as their parent sees them: what a lost one held moves on at once."""

import contextlib
import os
import signal
from collections.abc import Collection
from pathlib import Path
from uuid import UUID

from django.db import connection

from instagram_webhooks.inbox import moves
from instagram_webhooks.worker.life import life

# Of this parent: two containers may have one host name, and number their processes alike.
_ROWS = """
SELECT id FROM instagram_webhooks_worker
 WHERE parent_id = %(parent)s AND pid = ANY(%(pids)s) AND stopped_at IS NULL
"""
_STAMP = "UPDATE instagram_webhooks_worker SET stopped_at = clock_timestamp() WHERE id = ANY(%(ids)s)"


class Children:
    """Those of this process. Methods that ask the database raise its errors, and can be called again."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def look(self) -> None:
        """Remembers those that are there, so that they can be missed."""
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
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for worker_id in self._rows(self._seen):
            moves.give_back(worker_id)
        self.report_lost()

    def _rows(self, some: Collection[int]) -> list[UUID]:
        with connection.cursor() as cursor:
            cursor.execute(_ROWS, {"parent": life.worker_id, "pids": list(some)})
            return [row[0] for row in cursor.fetchall()]


def pids() -> list[int]:
    """The children of this process, whichever of its threads started them."""
    found: list[int] = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that ended just now
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return found

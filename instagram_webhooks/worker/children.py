"""The processes of a prefork pool, as their parent sees them: what a lost one held moves on at once."""

import contextlib
import os
import signal
from pathlib import Path
from uuid import UUID

from django.db import connection

from instagram_webhooks.inbox import moves
from instagram_webhooks.worker.life import life

# Of this parent: two containers may have one host name, and number their processes alike.
_ROWS = "SELECT id, pid FROM instagram_webhooks_worker WHERE parent_id = %s AND stopped_at IS NULL"
_STAMP = "UPDATE instagram_webhooks_worker SET stopped_at = clock_timestamp() WHERE id = ANY(%s)"


class Children:
    """Those of this process. Methods that ask the database raise its errors, and can be called again."""

    def __init__(self) -> None:
        self._known: set[int] | None = None  # nobody has looked yet

    def report_lost(self) -> int:
        """Says in the rows of those that are gone that they ended, so that the next sweep frees their claims.

        Asks the database only when others are there than the last time.
        """
        present = set(pids())
        if present == self._known:
            return 0
        # First the rows, then a second look: who wrote a row in between is there.
        rows = _rows()
        there = set(pids())
        lost = [worker_id for worker_id, pid in rows if pid not in there]
        _stamp(lost)
        self._known = present
        return len(lost)

    def kill(self) -> None:
        """Ends all of them by force, and hands back what they held: the end of this worker is no fault of an event."""
        for pid in pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended = [worker_id for worker_id, _ in _rows()]
        for worker_id in ended:
            moves.give_back(worker_id)
        _stamp(ended)


def _rows() -> list[tuple[UUID, int]]:
    """Of each child that has not said that it ended."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [life.worker_id])
        return list(cursor.fetchall())


def _stamp(ended: list[UUID]) -> None:
    if ended:
        with connection.cursor() as cursor:
            cursor.execute(_STAMP, [ended])


def pids() -> list[int]:
    """The children of this process, whichever of its threads started them."""
    found: list[int] = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that ended just now
            found += [int(pid) for pid in (task / "children").read_text().split()]
    return found

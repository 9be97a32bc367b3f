"""
Where processes that belong together count: in one private folder, each at a place of its own.

Whoever made the folder, the parent of them all, removes it; PROMETHEUS_MULTIPROC_DIR says where it is, as
prometheus_client wants it. A place is held by a lock that ends with its process, however that ends, and the next one
goes on with the counts that lie there. So no sum ever falls because a process died, nothing of a dead one is taken for
alive, and there are no more files than processes at one time. Named by process ids, as prometheus_client does it, they
would grow in number with every child that is started anew.
"""

import fcntl
import itertools
import logging
import os
from pathlib import Path
from typing import IO

from instagram_webhooks.metrics import COUNTED

log = logging.getLogger(__name__)

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# All series are there from the beginning, so a file never grows. It is filled with zeros first: a page of a mapped
# file that finds no room on its disk later ends the process.
FILE_BYTES = 64 * 1024


class _Place:
    """Of this process. `number` is None while nothing is counted."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._lock: IO[str] | None = None

    def take(self, folder: Path) -> None:
        """Takes the first place that nobody holds; raises OSError where there is no room for its files."""
        for number in itertools.count():
            lock = (folder / f"{number}.lock").open("a")
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # of this process alone, not of its forks
            except (BlockingIOError, PermissionError):
                lock.close()
                continue
            self._lock = lock  # first: closing it would give the place up
            for kind in ("counter", "histogram"):
                _make_room(folder / f"{kind}_{number}.db")
            self.number = number
            return

    def leave(self) -> None:
        """Gives the place up. Its files stay open: another thread may be counting just now."""
        self.number = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _make_room(file: Path) -> None:
    """Makes a file of zeros, whole before anybody sees it."""
    if not file.exists():
        new = file.with_suffix(".new")
        new.write_bytes(bytes(FILE_BYTES))
        new.rename(file)


_place = _Place()


def begin() -> bool:
    """Counts from now on, beside the other processes of the folder; whether it does.

    Not without a folder, nor in one that takes no more files: what counts must not hinder what is counted.
    """
    if _place.number is not None:
        return True
    try:
        _place.take(Path(os.environ[VARIABLE]))
    except (KeyError, OSError) as exc:
        log.warning("metrics.off", extra={"error_class": type(exc).__name__})
        return False
    from prometheus_client import values  # reads the variable when it is loaded

    number = _place.number
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: number)  # type: ignore[no-untyped-call]
    for each in COUNTED:
        each.begin()
    return True


def end() -> None:
    """Counts no more; the counts stay for the others."""
    for each in COUNTED:
        each.end()
    _place.leave()


def _after_fork() -> None:
    """A fork begins anew, with nothing of its parent's: a thread that is not here may hold their lock.

    At once, since opening files may fail, and counting may not.
    """
    if _place.number is not None:
        end()
        begin()


def here() -> list[str]:
    """The files of all places; none where this process counts nothing."""
    if _place.number is None:
        return []
    return [str(path) for path in Path(os.environ[VARIABLE]).glob("*.db")]


os.register_at_fork(after_in_child=_after_fork)

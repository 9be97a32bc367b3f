"""Ids that this process need not ask about again."""

import os
import threading
from collections import deque
from uuid import UUID

KEPT = 10_000


class Recent:
    """The last ids that were added, up to `most`."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[UUID] = set()
        self._order: deque[UUID] = deque()

    def add(self, id_: UUID) -> None:
        """Takes one in, and forgets the oldest where there are too many."""
        with self._lock:
            if id_ in self._ids:
                return
            self._ids.add(id_)
            self._order.append(id_)
            if len(self._order) > self._most:
                self._ids.discard(self._order.popleft())

    def __contains__(self, id_: UUID) -> bool:
        return id_ in self._ids

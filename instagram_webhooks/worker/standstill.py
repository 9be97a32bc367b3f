"""
Whether something of this process stands still while others of it are answered by the database: a session whose other
end hangs or is gone answers nothing, for ever, and no limit of PostgreSQL's ends that.
"""

import time

from instagram_webhooks.conf import conf

LEAST = 3  # times: where the whole database stood still, the first answer after it may come before that of the other


class Standstill:
    """Looks at one thing, each time that whoever looks was answered itself."""

    def __init__(self) -> None:
        self._mark: float | None = None
        self._since, self._times = 0.0, 0

    def lasts(self, mark: float | None) -> bool:
        """Whether the mark has been the same for longer than a lease; None: there is nothing to wait for."""
        if mark is None or mark != self._mark:
            self._mark, self._since, self._times = mark, time.monotonic(), 0
            return False
        self._times += 1
        return self._times >= LEAST and time.monotonic() - self._since > conf().lease_s

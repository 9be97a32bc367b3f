"""
What a web process does beside its requests: it writes down how many signatures were refused, and rings the alarm where
no worker lives to do so.
"""

import logging
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime

from django.db import Error, connection

from instagram_webhooks.alarms import conditions, rounds
from instagram_webhooks.errors import SignatureMismatch
from instagram_webhooks.events import Provider
from instagram_webhooks.inbox import refusals

log = logging.getLogger(__name__)

FLUSH_S = 5.0
LOOK_S = 60.0
MINUTES_HELD = 60  # while the database is away; what is older is dropped
_UNMATCHED = "no_secret_matches"


class Lookout:
    """One daemon thread. A forged request costs a number in memory, and all of five seconds one statement."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[datetime, str], list[int]] = defaultdict(lambda: [0, 0])
        self._looks_at = time.monotonic() + LOOK_S

    def start(self) -> None:
        """Runs until the process ends."""
        threading.Thread(target=self._run, name="lookout", daemon=True).start()

    def refused(self, provider: Provider, exc: SignatureMismatch) -> None:
        """Counts one refused signature; waits for nothing."""
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        with self._lock:
            counted = self._counts[minute, provider]
            counted[0] += 1
            counted[1] += exc.facts.get("check") == _UNMATCHED

    def flush(self) -> None:
        """Writes what was counted; where the database is away it is kept for the next time."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(lambda: [0, 0])
        if not counts:
            return
        try:
            refusals.add({of: (count, unmatched) for of, (count, unmatched) in counts.items()})
        except Error:
            self._keep(counts)
            raise

    def _keep(self, counts: dict[tuple[datetime, str], list[int]]) -> None:
        with self._lock:
            for of in sorted(counts)[-MINUTES_HELD:]:
                for place, number in enumerate(counts[of]):
                    self._counts[of][place] += number

    def look(self) -> bool:
        """Does the round of alarms that no worker does; False where one did lately."""
        return (not conditions.any_worker() or rounds.is_overdue()) and rounds.run()

    def _run(self) -> None:
        while True:
            time.sleep(FLUSH_S)
            try:
                self.flush()
                if time.monotonic() >= self._looks_at:
                    self._looks_at = time.monotonic() + LOOK_S
                    self.look()
            except Error as exc:
                log.warning("database.away", extra={"error_class": type(exc).__name__})
            except Exception:  # whatever it was, the next look may go well; this thread must not end
                log.exception("lookout.failed")
            finally:
                connection.close()  # one connection less for each web process


lookout = Lookout()

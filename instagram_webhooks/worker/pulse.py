"""The pulse of a worker process: its heartbeat, and a look at its own slots."""

import logging
import os
import socket
import threading
from datetime import UTC, datetime
from typing import Any

from django.db import Error, connection

from instagram_webhooks.conf import conf
from instagram_webhooks.worker import taking
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.standstill import Standstill
from instagram_webhooks.worker.transactions import drop_connection

log = logging.getLogger(__name__)

EVERY_S = 3.0

_STAMP = """
INSERT INTO instagram_webhooks_worker
  (id, parent_id, host, pid, pool, slots, started_at, pulse_at, delivered_at, in_flight)
VALUES (%(id)s, %(parent)s, %(host)s, %(pid)s, %(pool)s, %(slots)s, clock_timestamp(), clock_timestamp(),
        %(delivered)s, %(busy)s)
ON CONFLICT (id) DO UPDATE SET pulse_at = clock_timestamp(), delivered_at = %(delivered)s, in_flight = %(busy)s
"""
# A parent of a pool of processes has no row of its own until it has this to say.
_UNWELL = """
INSERT INTO instagram_webhooks_worker
  (id, host, pid, pool, slots, started_at, pulse_at, stopped_at, in_flight, unwell)
VALUES (%(id)s, %(host)s, %(pid)s, '', 0, clock_timestamp(), clock_timestamp(), clock_timestamp(), 0, %(why)s)
ON CONFLICT (id) DO UPDATE SET unwell = excluded.unwell
"""


class Pulse:
    """One daemon thread. A worker whose pulse stops is taken for dead, so nothing here may wait for anything else."""

    def __init__(self, *, pool: str) -> None:
        self._pool = pool
        self._line = Standstill()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self) -> None:
        """The first stamp is made at once, but awaited by nobody: a pool's child must be up within four seconds."""
        self._thread.start()

    def stop(self) -> None:
        """Says in the worker's row that it ended; what it still holds is then free at once."""
        self._stopped.set()
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE instagram_webhooks_worker SET stopped_at = clock_timestamp() WHERE id = %s",
                    [life.worker_id],
                )
        except Error:
            drop_connection()

    def _run(self) -> None:
        while True:
            every_s = min(EVERY_S, conf().worker_silent_s / 3)
            try:
                self._beat(every_s)
                self._watch_slots()
            except Exception as exc:  # noqa: BLE001 (whatever it was: a worker whose pulse stops is taken for dead)
                log.error("pulse.failed", extra={"error_class": type(exc).__name__})
            if self._stopped.wait(every_s):
                return

    def _beat(self, every_s: float) -> None:
        try:
            stamp(self._pool)
            life.beat(every_s=every_s)
        except Error as exc:
            drop_connection()
            log.warning("database.away", extra={"error_class": type(exc).__name__})
            return
        if self._line.lasts(taking.line.busy_since):
            end_hung("line")

    def _watch_slots(self) -> None:
        """Threads cannot be killed: with one past its lease the process finishes the others and ends."""
        if life.longest_s() > conf().lease_s and not life.stopping.is_set():
            log.critical("worker.slot_stuck", extra={"duration_ms": round(life.longest_s() * 1000)})
            note_unwell("stuck")
            life.end_unwell()


def end_hung(what: str) -> None:
    """Ends the process in order, for another to be started: what stands still may keep all slots waiting."""
    if life.stopping.is_set():
        return
    log.critical("worker.hung", extra={"check": what})
    note_unwell("stuck")
    life.end_unwell()


def stamp(pool: str) -> None:
    """Writes the heartbeat of this process."""
    delivered = life.delivered_at
    values: dict[str, Any] = {
        "id": life.worker_id,
        "parent": life.parent_id,
        "host": socket.gethostname()[:100],
        "pid": os.getpid(),
        "pool": pool,
        "slots": conf().worker_concurrency,
        "delivered": datetime.fromtimestamp(delivered, UTC) if delivered else None,
        "busy": life.in_flight(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STAMP, values)


def note_unwell(why: str) -> None:
    """Leaves in the worker's row why this process ends by itself, `deaf` or `stuck`, for alarms to find."""
    values: dict[str, Any] = {"id": life.worker_id, "host": socket.gethostname()[:100], "pid": os.getpid(), "why": why}
    try:
        with connection.cursor() as cursor:
            cursor.execute(_UNWELL, values)
    except Error as exc:  # it must end all the same
        drop_connection()
        log.warning("database.away", extra={"error_class": type(exc).__name__})

"""Whether this process lives, and whether it can take webhooks."""

import threading
import time
from collections.abc import Callable

from django.db import ProgrammingError, connection
from django.http import HttpRequest, JsonResponse

from instagram_webhooks.inbox.wake_ups import Broker
from instagram_webhooks.models import EventPayload, WebhookEvent

WAIT_S = 2.0
LONGEST_S = 2.7  # a probe of a load balancer gives up after three seconds


class Probe:
    """Asks a service in a thread of its own, so that one that hangs holds no request for longer than WAIT_S.

    Requests that come while a question is open share its answer.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answered: threading.Event | None = None
        self._is_well = False
        self.error: Exception | None = None  # what the last question that was answered ended with

    def is_well(self, wait_s: float = WAIT_S) -> bool:
        """Whether the service answers within `wait_s`."""
        with self._lock:
            if self._answered is None:
                self._answered = threading.Event()
                threading.Thread(target=self._run, args=[self._answered], name="probe", daemon=True).start()
            answered = self._answered
        return answered.wait(wait_s) and self._is_well

    def _run(self, answered: threading.Event) -> None:
        try:
            self._ask()
            self._is_well, self.error = True, None
        except Exception as exc:  # noqa: BLE001 (a service that cannot be asked is not well)
            self._is_well, self.error = False, exc
        finally:
            with self._lock:
                self._answered = None
            answered.set()


# Reads no row: PostgreSQL looks whether there is what the door writes to.
_TABLES = " ".join(
    f"SELECT {', '.join(str(field.column) for field in table.concrete_fields)} FROM {table.db_table} WHERE false;"
    for table in (WebhookEvent._meta, EventPayload._meta)
)


def _ask_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(_TABLES)
    finally:
        connection.close()


def _ask_broker() -> None:
    broker = Broker()
    try:
        broker.depth()
    finally:
        broker.close()


database, broker = Probe(_ask_database), Probe(_ask_broker)


def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers; touches nothing."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 where webhooks can be stored, `degraded` without the broker; 503 without the database or its migrations."""
    begun = time.monotonic()
    if not database.is_well():
        missing = "migrations" if isinstance(database.error, ProgrammingError) else "database"
        return JsonResponse({"status": "unavailable", "missing": [missing]}, status=503)
    left_s = LONGEST_S - (time.monotonic() - begun)
    if not broker.is_well(left_s):
        return JsonResponse({"status": "degraded", "missing": ["broker"]})
    return JsonResponse({"status": "ok"})

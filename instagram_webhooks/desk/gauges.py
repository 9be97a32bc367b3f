"""
How the whole stands, in numbers for Prometheus.

Asked when a scraper comes, and kept for a moment, so that several of them cost no more than one. What does not answer
in time is left out and named: a 0 that nobody counted would look like health.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error, connection
from django.db.models.functions import Now

from audit.pages.limits import in_time
from dead_letters import causes
from instagram_webhooks import metrics
from instagram_webhooks.conf import conf
from instagram_webhooks.inbox import ages, turn
from instagram_webhooks.inbox.wake_ups import Broker, BrokerAway
from instagram_webhooks.metrics.kinds import Gauge, Values
from instagram_webhooks.models import Worker
from instagram_webhooks.states import OPEN, EventState

log = logging.getLogger(__name__)

KEPT_S = 5.0
WAIT_S = 4.0  # a scraper gives up after ten
ASKED_FOR_MS = 300
WORKERS_CAP = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """One number. ask: gives None where it cannot tell."""

    gauge: Gauge
    values: Values
    ask: Callable[[], float | None]


Found = dict[tuple[Gauge, Values], float]


class Asked:
    """What one service knows. Asked in a thread of its own, so that one that hangs holds up no scraper for long.

    Who comes while it is asked waits for the same answer; who comes within KEPT_S gets the last one.
    """

    def __init__(self, ask: Callable[[], Found]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answered: threading.Event | None = None
        self._found: Found = {}
        self._found_at = -KEPT_S

    def begin(self) -> threading.Event:
        """Asks, where that is not under way and the last answer is old; set when there is one."""
        with self._lock:
            if self._answered is None and time.monotonic() - self._found_at < KEPT_S:
                done = threading.Event()
                done.set()
                return done
            if self._answered is None:
                asked = threading.Event()
                threading.Thread(target=self._run, args=[asked], name="gauges", daemon=True).start()
                self._answered = asked
            return self._answered

    def found(self, answered: threading.Event, *, wait_s: float) -> Found:
        """The answer; nothing where it does not come within `wait_s`."""
        return self._found if answered.wait(max(0.0, wait_s)) else {}

    def _run(self, answered: threading.Event) -> None:
        found: Found = {}
        try:
            found = self._ask()
        except Exception as exc:  # noqa: BLE001 (whatever it was, those who wait are told that nothing is known)
            log.warning("gauges.failed", extra={"error_class": type(exc).__name__})
        with self._lock:
            self._found, self._found_at, self._answered = found, time.monotonic(), None
        answered.set()


def readings() -> dict[Gauge, dict[Values, float]]:
    """Each number that is known now, within WAIT_S; and which are not."""
    until = time.monotonic() + WAIT_S
    found: Found = {}
    for service, answered in [(service, service.begin()) for service in SERVICES]:
        found |= service.found(answered, wait_s=until - time.monotonic())
    told: dict[Gauge, dict[Values, float]] = {}
    unknown = dict.fromkeys(metrics.UNKNOWN.series, 0.0)
    for gauge, values in [(each, values) for each in metrics.STANDING for values in each.series]:
        if (number := found.get((gauge, values))) is None:
            unknown[(gauge.name,)] = 1.0
        else:
            told.setdefault(gauge, {})[values] = number
    return told | {metrics.UNKNOWN: unknown}


def _of_database() -> Found:
    try:
        connection.ensure_connection()  # away it is waited for once, not by each question
        answers = [(each, in_time(each.ask, ms=ASKED_FOR_MS)) for each in _QUESTIONS]
    finally:
        with contextlib.suppress(Error):
            connection.close()
    return {(each.gauge, each.values): float(number) for each, number in answers if number is not None}


def _of_broker() -> Found:
    broker = Broker()
    try:
        return {(metrics.WAKE_UPS_READY, ()): float(broker.depth())}
    except BrokerAway:
        return {}
    finally:
        broker.close()


def _workers() -> int:
    lately = Now() - timedelta(seconds=conf().worker_silent_s)
    return Worker.objects.filter(stopped_at=None, pulse_at__gt=lately)[: WORKERS_CAP + 1].count()


def _oldest(state: EventState) -> Question:
    return Question(metrics.OLDEST_AGE, (str(state),), lambda: ages.oldest_s(state))


_QUESTIONS: Sequence[Question] = (
    Question(metrics.DEAD_LETTERS_OPEN, (), causes.open_letters),
    Question(metrics.CAUSES_OPEN, (), causes.pressing_count),
    *(_oldest(state) for state in OPEN),
    Question(metrics.SWEEP_AGE, (), turn.done_ago_s),
    Question(metrics.WORKERS_ALIVE, (), _workers),
)
SERVICES = (Asked(_of_database), Asked(_of_broker))

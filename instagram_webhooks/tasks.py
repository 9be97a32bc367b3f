"""
The tasks. What Celery does here: it wakes workers, runs several events at once, re-schedules
failures and is watched with its own tools. What it does not do: remember. The database row is the
truth, so a message may be lost, doubled or purged, and costs seconds.
"""

import logging
import time
from typing import Any, NoReturn
from uuid import UUID

from celery import Task, shared_task
from celery.exceptions import Reject, Retry
from django.db import Error

from instagram_webhooks.errors import Retryable
from instagram_webhooks.inbox import turn
from instagram_webhooks.inbox.wake_ups import TASK
from instagram_webhooks.worker import boot, housekeeping, work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.retries import TryAgain, held
from instagram_webhooks.worker.transactions import patiently

log = logging.getLogger(__name__)

__all__ = ["beat", "boot", "check_accounts", "daily", "process_event"]  # boot hangs itself on Celery's signals


class LadderTask(Task):  # type: ignore[type-arg]
    """Retries by the row, not by the message: when and how often is committed before this is called."""

    def retry(self, *args: Any, exc: Exception | None = None, **options: Any) -> NoReturn:
        """Publishes a countdown only for a short wait and while few are held; the sweep wakes the rest."""
        if not isinstance(exc, TryAgain) or not held.take(exc.wait_s):
            raise Retry(exc=exc)
        raise super().retry(args=(str(exc.event_id),), exc=exc, countdown=exc.wait_s, retry=False, **options)


@shared_task(
    name=TASK,
    bind=True,
    base=LadderTask,
    autoretry_for=(Retryable,),  # the class of an error decides, here as everywhere
    retry_backoff=False,  # the ladder stands in the settings, the next step in the row
    max_retries=None,  # the row counts attempts
    acks_late=True,
    ignore_result=True,  # the audit row is the result
)
def process_event(self: LadderTask, event_id: str) -> None:
    """Works off the event, or the one of its conversation whose turn it is."""
    if life.stopping.is_set():
        raise Reject("this worker stops", requeue=True)
    life.delivered_at = time.time()
    try:
        known = UUID(event_id)
    except (ValueError, AttributeError, TypeError):
        log.warning("wake_up.malformed")
        return
    try:
        patiently(lambda: work.process(known))
    except Error as exc:  # no outcome: the row is as it was, and the sweep offers it again
        log.warning("wake_up.database_failed", extra={"error_class": type(exc).__name__})


@shared_task(name="instagram_webhooks.beat", ignore_result=True)
def beat() -> None:
    """Notes that a message of beat's has come through, for those who look whether daily jobs will."""
    turn.take(0.0, turn.BEAT)


@shared_task(name="instagram_webhooks.check_accounts", ignore_result=False, track_started=True)
def check_accounts() -> dict[str, int]:
    """Asks Meta whether every account is connected and subscribed; counts by what it found."""
    from instagram_webhooks.desk import daily_check  # for one job a day, and no worker loads it before

    return daily_check.check_accounts()


@shared_task(name="instagram_webhooks.housekeeping", ignore_result=False, track_started=True)
def daily() -> dict[str, int]:
    """Forgets rows that nobody needs any more; counts by table."""
    return housekeeping.tidy()

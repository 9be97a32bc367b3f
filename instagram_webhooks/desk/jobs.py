"""The jobs that beat starts: when each last ran, what came of it, and when it runs next."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from celery.schedules import crontab
from django.db import transaction
from django.utils import timezone
from django_celery_results.models import TaskResult

from audit.log import record
from instagram_webhooks.inbox import turn
from instagram_webhooks.inbox.wake_ups import Broker

SAYS = {
    "housekeeping": "Forgets workers long gone, API tokens that have expired, and alerts and refusals of long ago.",
    "check_accounts": "Asks Meta of every Instagram account whether its token works and it is subscribed.",
    "celery.backend_cleanup": "Forgets results of jobs that are older than 30 days.",
}
STARTED = "STARTED"
READ_RESULTS = 500
VOID_AFTER_S = 3600.0
ONCE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of a job, by the row that django-celery-results keeps of it. status: Celery's word for how it ended."""

    id: int
    task_name: str
    status: str
    result: str | None
    date_created: datetime
    date_started: datetime | None
    date_done: datetime

    @property
    def begun_at(self) -> datetime:
        return self.date_started or self.date_created

    @property
    def took(self) -> timedelta | None:
        """None where it has not ended, or nobody noted its begin."""
        return self.date_done - self.date_started if self.date_started and self.status != STARTED else None

    @property
    def counts(self) -> str:
        """What it returned where that is counts by name, as `3 workers, 0 tokens`; else ""."""
        try:
            found = json.loads(self.result or "")
        except ValueError:
            return ""
        pairs = found.items() if isinstance(found, dict) else ()
        return ", ".join(f"{count:,} {name}" for name, count in pairs if isinstance(count, int))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of beat's schedule. last: its newest run, as far as results are kept; next_at: None where not known."""

    name: str
    says: str
    last: Run | None
    next_at: datetime | None


def jobs() -> list[Job]:
    """All of the schedule but beat's own heartbeat; one query."""
    schedule = {name: entry for name, entry in current_app.conf.beat_schedule.items() if name != turn.BEAT}
    last = _last_runs({entry["task"] for entry in schedule.values()})
    return [_job(name, entry, last.get(entry["task"])) for name, entry in schedule.items()]


def _job(name: str, entry: Mapping[str, Any], last: Run | None) -> Job:
    next_at = _next(entry["schedule"], last.begun_at if last else None)
    return Job(name=name, says=SAYS.get(name, entry["task"]), last=last, next_at=next_at)


def _last_runs(tasks: set[str]) -> dict[str, Run]:
    rows: Any = TaskResult.objects  # its types know half of its columns
    newest = rows.filter(task_name__in=tasks).order_by("-date_created").values(*(each.name for each in fields(Run)))
    found: dict[str, Run] = {}
    for row in newest[:READ_RESULTS]:
        found.setdefault(row["task_name"], Run(**row))
    return found


def _next(schedule: object, last_at: datetime | None) -> datetime | None:
    """By the clock; of what comes every so often, which beat counts from its own start, from the last run."""
    if isinstance(schedule, crontab):
        now = timezone.now()
        left: timedelta = schedule.remaining_estimate(now)
        return (now + left + timedelta(seconds=30)).replace(second=0, microsecond=0)  # a schedule knows whole minutes
    every = timedelta(seconds=schedule) if isinstance(schedule, int | float) else schedule
    return last_at + every if last_at is not None and isinstance(every, timedelta) else None


def start(name: str, *, actor: str, reason: str) -> bool:
    """Whether this sent the job to the workers; False: somebody did so within a minute. Raises BrokerAway, KeyError."""
    task = current_app.conf.beat_schedule[name]["task"]
    broker = Broker()
    try:
        with transaction.atomic():
            if not turn.take(ONCE_S, f"run {name}"[:32]):
                return False
            record("job.started", subject_id=None, actor=actor, reason=reason, detail={"job": name})
            broker.start(task, expires_s=VOID_AFTER_S)  # last of all: where it fails, nothing was done
    finally:
        broker.close()
    return True

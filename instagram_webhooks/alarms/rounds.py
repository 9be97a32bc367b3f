"""One round of alarms: look at everything, keep what is wrong, tell what is new of it."""

import logging
from datetime import timedelta

from django.utils import timezone

from audit.pages.limits import in_time
from instagram_webhooks.alarms import incidents
from instagram_webhooks.alarms.conditions import CONDITIONS, Condition
from instagram_webhooks.alarms.telling import tell
from instagram_webhooks.inbox import turn
from instagram_webhooks.inbox.line import DATABASE_FAILED

log = logging.getLogger(__name__)

EVERY_S = 10.0
OVERDUE = timedelta(seconds=120)
LIMIT_MS = 2000  # for each statement; what takes longer is not known this time


def run(*, every_s: float = EVERY_S) -> bool:
    """Whether it was this process's turn. Where a round takes long, another process may begin the next beside it."""
    if not turn.take(every_s / 2, "alarms"):
        return False
    for condition in CONDITIONS:
        try:
            _look(condition)
        except DATABASE_FAILED:  # the database is away, for all of them
            raise
        except Exception:  # whatever it was, one broken condition must not silence all others
            log.exception("alarm.broken", extra={"check": condition.__name__})
    tell()
    return True


def _look(condition: Condition) -> None:
    found = in_time(condition, ms=LIMIT_MS)
    if found is None:  # neither wrong nor well: what went on goes on
        log.warning("alarm.not_asked", extra={"check": condition.__name__})
        return
    incidents.note(found.by_kind, also=found.also)


def is_overdue() -> bool:
    """Whether nobody has begun another round for long: a worker may live whose upkeep hangs."""
    at = turn.taken().get("alarms")
    return at is not None and timezone.now() - at > OVERDUE

"""What runs without anybody's doing: whether beat is heard, and how long what is ready waits for a worker."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from audit.pages import marks
from audit.pages.limits import in_time
from instagram_webhooks.inbox import sweep, turn

SWEEP_LATE = timedelta(seconds=60)  # it comes every few seconds, and rests for ten at most
BEAT_SILENT = timedelta(seconds=150)  # its message comes every minute (CELERY_BEAT_SCHEDULE)
ASKED_FOR_MS = 200


@dataclass(frozen=True, slots=True)
class Beat:
    """Beat as far as a worker has heard of it. words: a sentence about it."""

    at: datetime | None
    is_silent: bool

    @property
    def is_heard(self) -> bool:
        """Neither heard nor silent: no worker was there to hear it."""
        return is_recent(self.at, BEAT_SILENT)

    @property
    def words(self) -> str:
        if self.at is None:
            return "Beat was never heard."
        ago = marks.span((timezone.now() - self.at).total_seconds())
        return f"Beat has been silent for {ago}." if self.is_silent else f"Beat was last heard {ago} ago."


def is_recent(at: datetime | None, within: timedelta) -> bool:
    """Whether something was last done within such a time; never done is not."""
    return at is not None and timezone.now() - at <= within


def beat(at: datetime | None, *, worked_since: datetime | None) -> Beat:
    """Silent only where a worker has been there to hear it; worked_since: the first of those that live."""
    since = turn.beat_unheard_since(at, worked_since=worked_since)
    return Beat(at, is_silent=since is not None and not is_recent(since, BEAT_SILENT))


@dataclass(frozen=True, slots=True)
class Delay:
    """How long the first of what is ready has waited for a worker. event_id, since: None where nothing waits."""

    event_id: UUID | None = None
    since: datetime | None = None
    is_known: bool = True

    @property
    def words(self) -> str:
        if not self.is_known:
            return "not found in time"
        return marks.span(max((timezone.now() - self.since).total_seconds(), 0.0)) if self.since else "none"


def queue_delay() -> Delay:
    """Of now; not known where many stand behind others and none is found in time."""
    found = in_time(lambda: (sweep.overdue(0.0),), ms=ASKED_FOR_MS)
    if found is None:
        return Delay(is_known=False)
    return Delay(*found[0]) if found[0] else Delay()

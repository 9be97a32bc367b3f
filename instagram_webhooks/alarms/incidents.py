"""
What is wrong now, compared with what was: an incident begins, goes on, becomes graver, and ends.

The row is the truth about what ops have to be told: it is marked as told of after the delivery only. So a process
that dies in between makes a second message, never a missing one.
"""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from audit.columns import ClockTimestamp
from audit.ids import uuid7
from instagram_webhooks.alarms.kinds import KINDS
from instagram_webhooks.models import Incident

log = logging.getLogger(__name__)

LINGERS_S = 300.0  # not seen for so long it is over: what comes and goes within it is one incident
FRESH_S = 30.0  # that it goes on is not written down more often
KEPT = timedelta(days=90)
_OLD = timedelta(days=1)  # an end of which nobody could be told for so long is no news
AT_ONCE = 1000

Way = Literal["mail", "post"]
_COLUMNS: dict[Way, tuple[str, str]] = {
    "mail": ("mailed_at", "end_mailed_at"),
    "post": ("posted_at", "end_posted_at"),
}

_SEEN = """
INSERT INTO instagram_webhooks_incident AS i (id, kind, key, facts, step)
SELECT id, %(kind)s, key, facts::jsonb, step
  FROM unnest(%(ids)s::uuid[], %(keys)s::text[], %(facts)s::text[], %(steps)s::smallint[]) AS new(id, key, facts, step)
    ON CONFLICT (kind, key) WHERE ended_at IS NULL DO UPDATE
       SET seen_at = clock_timestamp(), facts = i.facts || excluded.facts, step = excluded.step,
           mailed_at = CASE WHEN excluded.step <= i.step THEN i.mailed_at END,
           posted_at = CASE WHEN excluded.step <= i.step THEN i.posted_at END
     WHERE i.step <> excluded.step OR i.seen_at < clock_timestamp() - make_interval(secs => %(fresh)s)
RETURNING xmax = 0
"""
_GOES_ON = """
UPDATE instagram_webhooks_incident SET seen_at = clock_timestamp()
 WHERE kind = %(kind)s AND ended_at IS NULL AND key = ANY(%(keys)s::text[])
   AND seen_at < clock_timestamp() - make_interval(secs => %(fresh)s)
"""
_OVER = """
UPDATE instagram_webhooks_incident SET ended_at = clock_timestamp()
 WHERE kind = %(kind)s AND ended_at IS NULL AND key <> ALL(%(unsure)s::text[])
   AND seen_at < clock_timestamp() - make_interval(secs => %(lingers)s)
   AND key <> ALL(%(keys)s::text[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One thing that is wrong now. facts: of its sentence; where it goes on, those that are new.

    goes_on: it is known, and begins nothing where another process has ended it meanwhile: it has no facts to tell.
    """

    key: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    step: int = 0
    goes_on: bool = False


def note(
    found: Mapping[str, Sequence[Seen]],
    *,
    also: Callable[[], object] | None = None,
    lingers_s: float = LINGERS_S,
    unsure: Mapping[str, Collection[str]] | None = None,
) -> None:
    """Keeps what is wrong by kind, in one transaction with what `also` does. What is not among it ends after a while.

    unsure: by kind, keys of which nothing could be found out, so that their incidents stay as they are.
    """
    with transaction.atomic():
        for kind, seen in found.items():
            if begun := _seen(kind, seen):
                log.warning("incident.began", extra={"kind": kind, "count": begun})
            if ended := _over(kind, seen, lingers_s, (unsure or {}).get(kind, ())):
                log.info("incident.ended", extra={"kind": kind, "count": ended})
        if also is not None:
            also()


def _seen(kind: str, seen: Sequence[Seen]) -> int:
    """How many are new."""
    if known := [each.key for each in seen if each.goes_on]:
        with connection.cursor() as cursor:
            cursor.execute(_GOES_ON, {"kind": kind, "keys": known, "fresh": FRESH_S})
    ordered = sorted((each for each in seen if not each.goes_on), key=lambda each: each.key)
    if not ordered:
        return 0
    values: dict[str, Any] = {
        "kind": kind,
        "fresh": FRESH_S,
        "ids": [uuid7() for _ in ordered],
        "keys": [each.key for each in ordered],
        "facts": [json.dumps(each.facts, default=str) for each in ordered],
        "steps": [each.step for each in ordered],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, values)
        return sum(is_new for (is_new,) in cursor.fetchall())


def _over(kind: str, seen: Sequence[Seen], lingers_s: float, unsure: Collection[str]) -> int:
    """How many have ended."""
    keys = [each.key for each in seen]
    with connection.cursor() as cursor:
        cursor.execute(_OVER, {"kind": kind, "keys": keys, "lingers": lingers_s, "unsure": list(unsure)})
        return int(cursor.rowcount)


def open_ones(*kinds: str) -> list[Incident]:
    """Those of these kinds that go on."""
    return list(Incident.objects.filter(kind__in=kinds, ended_at=None))


def untold(way: Way) -> list[Incident]:
    """Those whose beginning, end or higher step was not told this way yet, the oldest first."""
    told, end_told = _COLUMNS[way]
    news = Q(**{f"{told}__isnull": True}) | Q(ended_at__isnull=False, **{f"{end_told}__isnull": True})
    recent = Q(ended_at__isnull=True) | Q(ended_at__gt=Now() - _OLD)
    return list(Incident.objects.filter(recent & news, kind__in=KINDS).order_by("begun_at", "id")[:AT_ONCE])


def tried(incidents: Sequence[Incident]) -> None:
    """Somebody is about to tell of these."""
    Incident.objects.filter(pk__in=[each.pk for each in incidents]).update(tried_at=ClockTimestamp())


def told(way: Way, incidents: Sequence[Incident]) -> None:
    """These were told this way as they were read; what they became since is told by the next message."""
    begun, ended = _COLUMNS[way]
    with transaction.atomic():
        for step in {each.step for each in incidents}:
            of_step = [each.pk for each in incidents if each.step == step]
            rows = Incident.objects.filter(pk__in=of_step, step=step, **{f"{begun}__isnull": True})
            rows.update(**{begun: ClockTimestamp()})
        over = [each.pk for each in incidents if each.ended_at]
        Incident.objects.filter(pk__in=over).update(**{ended: ClockTimestamp()})


def forget(now: datetime) -> int:
    """Deletes what ended long ago; how many."""
    count, _ = Incident.objects.filter(ended_at__lt=now - KEPT).delete()
    return count

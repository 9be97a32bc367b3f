"""How many webhooks were refused for their signature, by the minute: the door writes it, people and alarms read it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

ALL_REFUSED_S = 900.0  # in so long nothing of a provider was taken, and this many had a wrong signature:
FEW = 3

_ADD = """
INSERT INTO instagram_webhooks_refusals AS r (minute, provider, count, unmatched)
SELECT minute, provider, count, unmatched
  FROM unnest(%s::timestamptz[], %s::text[], %s::int[], %s::int[]) AS new(minute, provider, count, unmatched)
 ORDER BY minute, provider
    ON CONFLICT (minute, provider) DO UPDATE
       SET count = r.count + excluded.count, unmatched = r.unmatched + excluded.unmatched
"""
_BETWEEN = "SELECT coalesce(sum(count), 0) FROM instagram_webhooks_refusals WHERE minute >= %s AND minute < %s"
# Of the last three minutes, the running one among them. By far fewer it is told that nothing else comes in: then the
# secret is wrong, and each refused one is a customer's message.
MANY = """
SELECT provider, most, unmatched, all_of_them FROM (
  SELECT r.provider, sum(r.unmatched) AS unmatched,
         coalesce(max(r.count) FILTER (WHERE r.minute > statement_timestamp() - interval '3 minutes'), 0) AS most,
         sum(r.unmatched) >= %(few)s AND NOT EXISTS (
           SELECT 1 FROM instagram_webhooks_webhookevent e WHERE e.provider = r.provider
              AND e.received_at > statement_timestamp() - make_interval(secs => %(within)s)) AS all_of_them
    FROM instagram_webhooks_refusals r
   WHERE r.minute > statement_timestamp() - make_interval(secs => %(within)s) GROUP BY r.provider) counted
 WHERE all_of_them OR (%(bar)s > 0 AND most > %(bar)s) ORDER BY provider
"""

Counts = Mapping[tuple[datetime, str], tuple[int, int]]  # by minute and provider: all, and those of no secret of ours


@dataclass(frozen=True, slots=True)
class Refused:
    """A provider of which too many were refused. most: in one minute. is_all: and none was taken meanwhile."""

    provider: str
    most: int
    unmatched: int
    is_all: bool


def add(counts: Counts) -> None:
    """Adds to what is stored; one statement for any number of minutes."""
    columns: Iterable[list[object]] = (
        [minute for minute, _ in counts],
        [provider for _, provider in counts],
        [count for count, _ in counts.values()],
        [unmatched for _, unmatched in counts.values()],
    )
    with connection.cursor() as cursor:
        cursor.execute(_ADD, list(columns))


def refused_between(begin: datetime, end: datetime) -> int:
    """How many webhooks were refused for their signature in the minutes that begin from `begin` on and before `end`."""
    with connection.cursor() as cursor:
        cursor.execute(_BETWEEN, [begin, end])
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def too_many(bar: int) -> list[Refused]:
    """The providers with more than `bar` in a minute (0: no bar), or where nothing else has come for a while."""
    with connection.cursor() as cursor:
        cursor.execute(MANY, {"few": FEW, "within": ALL_REFUSED_S, "bar": bar})
        return [Refused(provider, most, unmatched, is_all) for provider, most, unmatched, is_all in cursor.fetchall()]

"""
Counting each minute when it is over: to count a day of events for each look at a page would read millions of rows.

What ended is told by the audit log, whose ids are made in the order of time, so that a minute of it is a walk
along its key. An id is made before its act is committed, and by another clock: the last minutes are counted anew.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from instagram_webhooks.inbox.heads import WAITS_SINCE

AGAIN = 3  # minutes; what is committed later than that after its id was made is missed
AT_ONCE = 60  # minutes; after a long stop the rest is counted by the next rounds
# Where nothing was counted yet: from the first event on, but no longer back than this.
_FIRST = """
greatest(date_trunc('minute', statement_timestamp() - interval '1 day'),
         coalesce((SELECT date_trunc('minute', min(received_at)) FROM instagram_webhooks_webhookevent), 'infinity'))
"""

# The least UUIDv7 of a moment.
_ID_AT = "(lpad(to_hex((extract(epoch FROM {at}) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"
# Asked row by row, so that no plan reads all events for one minute. What waited for weeks is not told apart.
_TOOK = f"""
(SELECT least(greatest(extract(epoch FROM e.finished_at - {WAITS_SINCE.format(e="e")}) * 1000, 0), 2147483647)::int
   FROM instagram_webhooks_webhookevent e WHERE e.event_id = a.subject_id AND e.finished_at IS NOT NULL)
"""
_COUNT = f"""
WITH due AS (
  SELECT minute, minute + interval '1 minute' AS over
    FROM generate_series(
           coalesce((SELECT max(minute) - make_interval(mins => %(again)s - 1) FROM instagram_webhooks_minute),
                    {_FIRST}),
           date_trunc('minute', statement_timestamp()) - interval '1 minute',
           interval '1 minute') AS minute
   ORDER BY minute LIMIT %(at_once)s
)
INSERT INTO instagram_webhooks_minute (minute, received, processed, dead, p50_ms, p95_ms)
SELECT due.minute, came.count, ended.processed, ended.dead, ended.ms[1], ended.ms[2]
  FROM due,
       LATERAL (SELECT count(*) FROM instagram_webhooks_webhookevent e
                 WHERE e.received_at >= due.minute AND e.received_at < due.over) came,
       LATERAL (SELECT count(*) FILTER (WHERE action IN ('event.processed', 'event.ignored')) AS processed,
                       count(*) FILTER (WHERE action IN ('event.failed', 'event.set_aside')) AS dead,
                       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY ms)
                         FILTER (WHERE action = 'event.processed' AND ms IS NOT NULL) AS ms
                  FROM (SELECT a.action, {_TOOK} AS ms FROM audit_auditentry a
                         WHERE a.id >= {_ID_AT.format(at="due.minute")} AND a.id < {_ID_AT.format(at="due.over")}
                           AND a.action IN ('event.processed', 'event.ignored', 'event.failed', 'event.set_aside')) told
               ) ended
    ON CONFLICT (minute) DO UPDATE
       SET (received, processed, dead, p50_ms, p95_ms)
         = (excluded.received, excluded.processed, excluded.dead, excluded.p50_ms, excluded.p95_ms)
"""
_SPANS = """
SELECT bucket, coalesce(sum(received), 0), coalesce(sum(processed), 0), coalesce(sum(dead), 0)
  FROM (SELECT max(minute) + interval '1 minute' AS at FROM instagram_webhooks_minute) ends,
       generate_series(0, %(buckets)s - 1) AS n,
       LATERAL (SELECT ends.at - make_interval(mins => (%(buckets)s - n) * %(minutes)s) AS bucket) of_n
  LEFT JOIN instagram_webhooks_minute m
         ON m.minute >= bucket AND m.minute < bucket + make_interval(mins => %(minutes)s)
 WHERE ends.at IS NOT NULL
 GROUP BY bucket ORDER BY bucket
"""
_LATEST = """
SELECT p50_ms, p95_ms FROM instagram_webhooks_minute
 WHERE p50_ms IS NOT NULL AND minute > statement_timestamp() - interval '15 minutes' ORDER BY minute DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Span:
    """What happened from `begun` on, in as many minutes as were asked for."""

    begun: datetime
    received: int
    processed: int
    dead: int


def count() -> int:
    """Counts the minutes that are over and were not counted yet, and the last of the others anew; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"again": AGAIN, "at_once": AT_ONCE + AGAIN})
        return int(cursor.rowcount)


def spans(*, buckets: int, minutes: int) -> list[Span]:
    """The last so many stretches of so many minutes each that are counted, oldest first; none before the first count.

    They end with the last minute that was counted, so that what nobody has counted is not shown as nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SPANS, {"buckets": buckets, "minutes": minutes})
        return [Span(*row) for row in cursor.fetchall()]


def latest_ms() -> tuple[int, int] | None:
    """Median and 95th percentile of the last counted minute in which anything was processed; None: none of late."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST)
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None

"""
When each account's newest event came, noted each minute from what came since: to look for it would read
all events that came after it, however long ago that was.
"""

from django.db import connection

# What is committed later than that after it came is noted with the next event of its account.
AGAIN_S = 180.0
# After a stop, or before the first note, no further back than this.
LONGEST_S = 86_400.0

_NOTE = """
WITH begun AS (
  SELECT greatest(statement_timestamp() - make_interval(secs => %(longest)s),
                  (SELECT max(last_at) FROM instagram_webhooks_arrival) - make_interval(secs => %(again)s)) AS at
)
INSERT INTO instagram_webhooks_arrival (provider, account, last_at)
SELECT e.provider, e.account, max(e.received_at)
  FROM instagram_webhooks_webhookevent e WHERE e.received_at >= (SELECT at FROM begun)
 GROUP BY e.provider, e.account
    ON CONFLICT (provider, account) DO UPDATE SET last_at = excluded.last_at
 WHERE instagram_webhooks_arrival.last_at < excluded.last_at
"""


def note() -> int:
    """Notes the newest event of each account that any came for lately; how many accounts had a newer one."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, {"again": AGAIN_S, "longest": LONGEST_S})
        return int(cursor.rowcount)

"""
How old the oldest event of each open state is, for whoever watches from outside.

There is no index of states, so each is looked for along one in which its events stand early, and no further than WALK
rows: what was not seen by then is unknown, not young.
"""

from django.db import connection

from instagram_webhooks.inbox.heads import WAITS_SINCE
from instagram_webhooks.states import EventState

WALK = 10_000
ACCOUNTS = 1000

_SINCE = WAITS_SINCE.format(e="e")
_AGE = "greatest(extract(epoch FROM statement_timestamp() - {since}), 0)::float8"
# The first that is met, and the rest of the walk only where there is none: 0 if that came to its end.
_FIRST = f"""
SELECT coalesce((SELECT {_AGE.format(since="since")} FROM ({{walk}}) walked WHERE state = %(state)s LIMIT 1),
                CASE WHEN (SELECT count(*) FROM ({{walk}}) walked) < %(walk)s THEN 0 END)
"""
# By when it became due: what waits for a later time, and what is parked, does not stand before it.
_DUE = f"""
SELECT e.state, {_SINCE} AS since FROM instagram_webhooks_webhookevent e
 WHERE e.claimable_at IS NOT NULL ORDER BY e.claimable_at LIMIT %(walk)s
"""
# By its age, in the words of that index. What has no lane is not in it: it calls nobody, so it is tried again only
# where the database failed under it.
_LONGEST = f"""
SELECT e.state, {_SINCE} AS since FROM instagram_webhooks_webhookevent e
 WHERE e.lane IS NOT NULL AND e.finished_at IS NULL AND e.place >= 0 ORDER BY {_SINCE}, e.event_id LIMIT %(walk)s
"""
# No more than there are slots.
_HELD = f"""
SELECT coalesce(max({_AGE.format(since=_SINCE)}), 0)
  FROM instagram_webhooks_webhookevent e WHERE e.worker_id IS NOT NULL
"""
# From account to account, of each the first of its order: thousands may be parked for one.
_PARKED = f"""
WITH RECURSIVE walk(account, since, n) AS (
  (SELECT e.account, {_SINCE}, 1 FROM instagram_webhooks_webhookevent e
    WHERE e.state = 'parked' ORDER BY e.account, e.order_at LIMIT 1)
  UNION ALL
  SELECT following.* FROM walk, LATERAL (
    SELECT e.account, {_SINCE}, walk.n + 1 FROM instagram_webhooks_webhookevent e
     WHERE e.state = 'parked' AND e.account > walk.account AND walk.n < %(accounts)s
     ORDER BY e.account, e.order_at LIMIT 1) following
)
SELECT CASE WHEN count(*) < %(accounts)s THEN coalesce({_AGE.format(since="min(since)")}, 0) END FROM walk
"""
STATEMENTS = {
    EventState.RECEIVED: _FIRST.format(walk=_DUE),
    EventState.PROCESSING: _HELD,
    EventState.RETRYING: _FIRST.format(walk=_LONGEST),
    EventState.PARKED: _PARKED,
}


def oldest_s(state: EventState) -> float | None:
    """Since the oldest event of this open state came, or a replay brought it back; 0: there is none. None: unknown."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[state], {"state": state, "walk": WALK, "accounts": ACCOUNTS})
        (found,) = cursor.fetchone() or (None,)
        return found

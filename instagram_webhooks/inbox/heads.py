"""
The heads of all lanes, those that wait longest first: who holds up a conversation, since when and why.

Walked along one index from the longest wait on, so that it costs by what is shown and not by what is
open: each row is asked whether anything of its lane goes before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from instagram_webhooks.conf import conf
from instagram_webhooks.inbox.statements import is_first, is_held, is_open

# No worker has taken what is ready for so long: longer than a busy queue, and than the sweep and its gate.
EXPECTED_S = 60.0
BEHIND_CAP = 1000

# Since an event came, or since a replay brought it back to the end of its lane.
WAITS_SINCE = "GREATEST({e}.received_at, {e}.order_at)"


def is_head(e: str) -> str:
    """The rule of the claim (inbox/claim.py), asked of a row of this name, in the words of the index of such rows."""
    return f"""
{e}.lane IS NOT NULL AND {is_open(e)} AND {e}.place >= 0 AND ({e}.state = 'processing' OR (
  {is_first(e)}
  AND NOT {is_held(f"{e}.lane")}))
"""


_STANDS = """
({e}.state IN ('retrying', 'parked')
 OR ({e}.state = 'received' AND {e}.claimable_at < statement_timestamp() - make_interval(secs => {expected}))
 OR ({e}.state = 'processing' AND ({e}.claimable_at < statement_timestamp() OR EXISTS (
       SELECT 1 FROM instagram_webhooks_worker w
        WHERE w.id = {e}.worker_id AND (w.stopped_at IS NOT NULL
              OR w.pulse_at < statement_timestamp() - make_interval(secs => {silent}))))))
"""
# By account and by why they wait, so that a thousand heads of one trouble are one line. Only the first head of each is
# asked for the code of its last retry (the newest audit entry says it).
LONGEST = f"""
WITH waiting AS MATERIALIZED (
  SELECT e.event_id, e.provider, e.account, e.state, e.reason, {WAITS_SINCE.format(e="e")} AS since
    FROM instagram_webhooks_webhookevent e
   WHERE {is_head("e")}
     AND {WAITS_SINCE.format(e="e")} < statement_timestamp() - make_interval(secs => %(age)s)
     AND NOT EXISTS (SELECT 1 FROM unnest(%(accounts)s::text[], %(states)s::text[]) AS known(account, state)
                      WHERE known.account = e.account AND known.state = e.state)
     AND NOT EXISTS (SELECT 1 FROM instagram_webhooks_account a  -- a person wants them to wait
                      WHERE a.account_id = e.account AND a.provider = e.provider
                        AND a.hand_paused_until > statement_timestamp())
   ORDER BY {WAITS_SINCE.format(e="e")}, e.event_id LIMIT %(limit)s
), crowd AS (
  SELECT provider, account, state, reason, count(*) AS count, min(since) AS since,
         (array_agg(event_id ORDER BY since, event_id))[:3] AS first
    FROM waiting GROUP BY provider, account, state, reason
)
SELECT c.provider, c.account, c.state, c.reason, c.count, c.since, c.first,
       CASE WHEN c.state = 'retrying' THEN (
         SELECT a.detail ->> 'code' FROM audit_auditentry a
          WHERE a.subject_id = c.first[1] AND a.action = 'event.retrying' ORDER BY a.at DESC LIMIT 1) END
  FROM crowd c ORDER BY c.since, c.account, c.state, c.reason
"""
_BEHIND = f"""
SELECT named.lane, (SELECT count(*) FROM (SELECT 1 FROM instagram_webhooks_webhookevent o
                                           WHERE o.lane = named.lane AND {is_open("o")} LIMIT %(limit)s) counted)
  FROM unnest(%(lanes)s::uuid[]) AS named(lane)
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Heads of one account that wait for the same. first: up to three, the longest wait first; since: of the first.

    reason: of parked ones. code: of the last retry of the first, where there was one.
    """

    provider: str
    account: str
    state: str
    reason: str
    count: int
    since: datetime
    first: Sequence[UUID]
    code: str | None


def is_blocked(e: str) -> str:
    """The condition on a row of this name: it is the head of a lane, and the lane stands.

    Waiting is not standing: what a live worker has, and what became ready just now, moves by itself.
    """
    stands = _STANDS.format(e=e, expected=float(EXPECTED_S), silent=float(conf().worker_silent_s))
    return f"{is_head(e)} AND {stands}"


def waiting_longer(age_s: float, *, limit: int, besides: Sequence[Crowd] = ()) -> list[Crowd]:
    """The first so many heads that have waited for so long whatever they wait for, the longest wait first.

    besides: of whose accounts and states none counts, so that many of them hide none behind them.
    """
    known = {"accounts": [each.account for each in besides], "states": [each.state for each in besides]}
    with connection.cursor() as cursor:
        cursor.execute(LONGEST, {"age": age_s, "limit": limit, **known})
        return [Crowd(*row) for row in cursor.fetchall()]


def behind(lanes: list[UUID]) -> dict[UUID, int]:
    """How many open events stand behind the head of each lane; BEHIND_CAP + 1 stands for more."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, {"lanes": lanes, "limit": BEHIND_CAP + 2})
        return {lane: max(count - 1, 0) for lane, count in cursor.fetchall()}

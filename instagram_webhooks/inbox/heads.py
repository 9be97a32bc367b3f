"""
The heads of all lanes, those that wait longest first: who holds up a conversation, since when and why.

Walked along one index from the longest wait on, so that it costs by what is shown and not by what is
open: each row is asked whether anything of its lane goes before it.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from instagram_webhooks.conf import conf
from instagram_webhooks.inbox.statements import is_first, is_open

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
  AND NOT EXISTS (SELECT 1 FROM instagram_webhooks_webhookevent p
                   WHERE p.lane = {e}.lane AND p.worker_id IS NOT NULL)))
"""


_STANDS = """
({e}.state IN ('retrying', 'parked')
 OR ({e}.state = 'received' AND {e}.claimable_at < statement_timestamp() - make_interval(secs => {expected}))
 OR ({e}.state = 'processing' AND ({e}.claimable_at < statement_timestamp() OR EXISTS (
       SELECT 1 FROM instagram_webhooks_worker w
        WHERE w.id = {e}.worker_id AND (w.stopped_at IS NOT NULL
              OR w.pulse_at < statement_timestamp() - make_interval(secs => {silent}))))))
"""
# Why: as a parked event says itself, or the code of its last retry (the newest audit entry says it).
LONGEST = f"""
SELECT e.event_id, e.state, e.reason, extract(epoch FROM clock_timestamp() - {WAITS_SINCE.format(e="e")})::float8,
       (SELECT a.detail ->> 'code' FROM audit_auditentry a
         WHERE a.subject_id = e.event_id AND a.action = 'event.retrying' ORDER BY a.at DESC LIMIT 1)
  FROM instagram_webhooks_webhookevent e
 WHERE {is_head("e")}
   AND {WAITS_SINCE.format(e="e")} < statement_timestamp() - make_interval(secs => %(age)s)
   AND NOT EXISTS (SELECT 1 FROM instagram_webhooks_headalarm t WHERE t.event_id = e.event_id
                    AND t.told_at > statement_timestamp() - make_interval(secs => %(told_within)s))
 ORDER BY {WAITS_SINCE.format(e="e")}, e.event_id LIMIT %(limit)s
"""
_TOLD = f"""
SELECT count(*) FROM instagram_webhooks_headalarm t JOIN instagram_webhooks_webhookevent e USING (event_id)
 WHERE t.told_at > statement_timestamp() - make_interval(secs => %(told_within)s) AND {is_head("e")}
"""
_BEHIND = f"""
SELECT named.lane, (SELECT count(*) FROM (SELECT 1 FROM instagram_webhooks_webhookevent o
                                           WHERE o.lane = named.lane AND {is_open("o")} LIMIT %(limit)s) counted)
  FROM unnest(%(lanes)s::uuid[]) AS named(lane)
"""


@dataclass(frozen=True, slots=True)
class Head:
    """A head that has waited for age_s. code: of its last retry, where there was one."""

    event_id: UUID
    state: str
    reason: str
    age_s: float
    code: str | None


def is_blocked(e: str) -> str:
    """The condition on a row of this name: it is the head of a lane, and the lane stands.

    Waiting is not standing: what a live worker has, and what became ready just now, moves by itself.
    """
    stands = _STANDS.format(e=e, expected=float(EXPECTED_S), silent=float(conf().worker_silent_s))
    return f"{is_head(e)} AND {stands}"


def waiting_longer(age_s: float, *, untold_for_s: float, limit: int) -> list[Head]:
    """Heads that have waited for so long whatever they wait for, the longest wait first.

    Not those that an alarm told of within untold_for_s: many of them must hide none behind them.
    """
    with connection.cursor() as cursor:
        cursor.execute(LONGEST, {"age": age_s, "told_within": untold_for_s, "limit": limit})
        return [Head(*row) for row in cursor.fetchall()]


def told_within(seconds: float) -> int:
    """How many heads that an alarm told of within so many seconds are heads still."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD, {"told_within": seconds})
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def behind(lanes: list[UUID]) -> dict[UUID, int]:
    """How many open events stand behind the head of each lane; BEHIND_CAP + 1 stands for more."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, {"lanes": lanes, "limit": BEHIND_CAP + 2})
        return {lane: max(count - 1, 0) for lane, count in cursor.fetchall()}

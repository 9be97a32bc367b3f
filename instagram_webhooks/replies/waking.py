"""
Waking what waits for an account, as soon as the account may be called again.

Whatever finds its account left alone goes to sleep for longer than that, so that thousands of
events do not come back in vain. Upkeep wakes them: one that tries whether Meta is back, and then
the others, no faster than Meta takes messages.
"""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from instagram_webhooks.conf import conf
from instagram_webhooks.inbox import waiting
from instagram_webhooks.inbox.statements import is_leased
from instagram_webhooks.replies import outbox
from instagram_webhooks.replies.pause import FAILURES_IN_A_ROW

PER_S = 50.0  # Meta takes 100 texts a second of one account, and new messages are answered meanwhile

# The turn of one account, of which the next is an interval later, whichever process takes it.
_TURNS = """
UPDATE instagram_webhooks_account a
   SET next_wake_at = clock_timestamp() + make_interval(secs => %(interval)s)
 WHERE a.state = 'active' AND (a.next_wake_at IS NULL OR a.next_wake_at <= clock_timestamp())
   AND (a.paused_until IS NULL OR a.paused_until <= clock_timestamp())
   AND (a.hand_paused_until IS NULL OR a.hand_paused_until <= clock_timestamp())
   AND (a.probe_until IS NULL OR a.probe_until <= clock_timestamp())
   AND EXISTS (SELECT 1 FROM instagram_webhooks_outgoingreply r
                WHERE r.is_held AND r.provider = a.provider AND r.account = a.account_id)
RETURNING a.provider, a.account_id, a.unknown_in_a_row >= %(in_a_row)s
"""
# One that tries for the others is best one that lost no attempt yet.
_HELD = f"""
SELECT r.event_id FROM instagram_webhooks_outgoingreply r
  JOIN instagram_webhooks_webhookevent e USING (event_id)
 WHERE r.is_held AND r.provider = %(provider)s AND r.account = %(account)s
   AND e.state = 'retrying' AND {is_leased("e")}
 ORDER BY CASE WHEN %(is_probe)s THEN e.attempts ELSE 0 END, r.created_at, r.id LIMIT %(limit)s
"""


def wake_held() -> int:
    """Wakes what waits for accounts that may be called again, a turn of each; how many."""
    values = {"interval": conf().sweep_interval_s, "in_a_row": FAILURES_IN_A_ROW}
    with connection.cursor() as cursor:
        cursor.execute(_TURNS, values)
        turns = cursor.fetchall()
    return sum(_wake(provider, account, is_probe=is_probe) for provider, account, is_probe in turns)


def _wake(provider: str, account: str, *, is_probe: bool) -> int:
    limit = 1 if is_probe else max(1, round(PER_S * conf().sweep_interval_s))
    with transaction.atomic():
        woken = waiting.wake(_held(provider, account, limit, is_probe=is_probe))
        outbox.unhold_awake(provider, account)
    return len(woken)


def _held(provider: str, account: str, limit: int, *, is_probe: bool) -> list[UUID]:
    values: dict[str, Any] = {"provider": provider, "account": account, "limit": limit, "is_probe": is_probe}
    with connection.cursor() as cursor:
        cursor.execute(_HELD, values)
        return [row[0] for row in cursor.fetchall()]

"""
Pausing an account by hand: a person's word, which only a person or its time ends.

It has a column of its own beside the pause for failures (replies/pause.py), so that no answer of a
call that was under way, no probe and no new token ends what a person began.
"""

from datetime import datetime

from django.db import connection, transaction

from audit.log import record
from instagram_webhooks.models import Account
from instagram_webhooks.replies.pause import FAILURES_IN_A_ROW

LEAST_LONGER_S = 60  # what a second click adds is no longer pause

# Raises only: who wants it shorter ends it.
_PAUSE = """
UPDATE instagram_webhooks_account SET hand_paused_until = clock_timestamp() + make_interval(hours => %(hours)s)
 WHERE id = %(id)s AND (hand_paused_until IS NULL OR hand_paused_until
       < clock_timestamp() + make_interval(hours => %(hours)s, secs => -%(least)s))
RETURNING hand_paused_until
"""
# The count of failures stays: after a pause for them the next call goes out alone, to try whether Meta is back. A wait
# that Meta named is not ended: nothing would be tried first.
_RESUME = """
UPDATE instagram_webhooks_account SET hand_paused_until = NULL, next_wake_at = NULL,
       paused_until = CASE WHEN unknown_in_a_row < %(in_a_row)s THEN paused_until END
 WHERE id = %(id)s AND (hand_paused_until > clock_timestamp()
                        OR (paused_until > clock_timestamp() AND unknown_in_a_row >= %(in_a_row)s))
RETURNING id
"""


def pause(account: Account, *, hours: int, actor: str, reason: str) -> datetime | None:
    """Until when nothing is sent for the account; None: it is paused for as long already, and nothing was changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_PAUSE, {"id": account.pk, "hours": hours, "least": LEAST_LONGER_S})
        row = cursor.fetchone()
        if row is None:
            return None
        record("account.paused", subject_id=account.pk, provider=account.provider, actor=actor, reason=reason,
               detail={"account": account.account_id, "until": row[0]})  # fmt: skip
    until: datetime = row[0]
    return until


def resume(account: Account, *, actor: str, reason: str) -> bool:
    """Whether this ended a pause, by hand or for failures; upkeep then wakes what waited (replies/waking.py)."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_RESUME, {"id": account.pk, "in_a_row": FAILURES_IN_A_ROW})
        if cursor.fetchone() is None:
            return False
        record("account.resumed", subject_id=account.pk, provider=account.provider, actor=actor, reason=reason,
               detail={"account": account.account_id})  # fmt: skip
    return True

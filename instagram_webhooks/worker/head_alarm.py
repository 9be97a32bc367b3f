"""
Telling ops of conversations that wait too long, by the channel of dead letters: one message for all
of them that are new, at most once a minute, and of the same head not again within the hour.

A head counts as told once its message was delivered, so a process that dies in between makes a
second message, never a missing one.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from dead_letters import alerts
from instagram_webhooks.conf import conf
from instagram_webhooks.inbox.heads import Head, told_within, waiting_longer
from instagram_webhooks.models import HeadAlarm

log = logging.getLogger(__name__)

PAUSE_S = 60.0  # between two looks, over all processes
SAME_HEAD_S = 3600.0
MOST = 1000
LOOK = UUID(int=0)  # the row that says when somebody last looked; no event has this id
_NAMED = 10  # heads that a message spells out
_KEPT = timedelta(days=1)
_LOCK = 0x1A6E_5EEA  # one number of ours among PostgreSQL's advisory locks

_TRIED = """
INSERT INTO instagram_webhooks_headalarm (event_id, tried_at)
SELECT event_id, clock_timestamp() FROM unnest(%s::uuid[]) AS head(event_id)
ON CONFLICT (event_id) DO UPDATE SET tried_at = excluded.tried_at
"""
_WHY = {
    "received": "ready, but no worker took it",
    "processing": "a worker has it",
    "retrying": "waits for its next attempt",
    "parked": "its account is parked",
}


def send_due(*, deliver: alerts.Deliver = alerts.deliver, pause_s: float = PAUSE_S) -> int:
    """The number of waiting conversations that an alarm has now told of; 0 where none is new or it is not time yet.

    A failed delivery is logged and tried again after the pause; only a database error leaves here.
    """
    if not conf().alert_head_age_s or not alerts.is_configured():
        return 0
    heads, before = _claim(pause_s)
    if not heads:
        return 0
    try:
        deliver(*_message(heads, before))
    except Exception as error:  # noqa: BLE001  # whatever mail or HTTP may raise: the next try is due anyway
        log.warning("head_alarm.failed", extra={"count": len(heads), "error_class": type(error).__name__})
        return 0
    HeadAlarm.objects.filter(pk__in=_ids(heads)).update(told_at=Now())
    log.warning("head_alarm.sent", extra={"count": len(heads), "age_s": round(heads[0].age_s)})
    return len(heads)


def _claim(pause_s: float) -> tuple[list[Head], int]:
    """The heads to tell of, where it is time to look, and how many more wait that were told of before."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Two who claim at once would both see no earlier look.
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        (is_ours,) = cursor.fetchone() or (False,)
        if not is_ours or HeadAlarm.objects.filter(tried_at__gt=Now() - timedelta(seconds=pause_s)).exists():
            return [], 0
        heads = waiting_longer(conf().alert_head_age_s, untold_for_s=SAME_HEAD_S, limit=MOST)
        cursor.execute(_TRIED, [[LOOK, *_ids(heads)]])
        HeadAlarm.objects.filter(tried_at__lt=Now() - _KEPT).delete()
        return heads, told_within(SAME_HEAD_S) if heads else 0


def _message(heads: Sequence[Head], before: int) -> tuple[str, str]:
    many = f"{len(heads):,}{'+' if len(heads) == MOST else ''}"
    waited = "1 conversation has waited" if len(heads) == 1 else f"{many} conversations have waited"
    reasons = Counter(_reason(head) for head in heads).most_common()
    ids = [str(head.event_id) for head in heads[:_NAMED]]
    if len(heads) > _NAMED:
        ids.append(f"and {len(heads) - _NAMED} more")
    body = [
        *(f"{count} × {reason}" for reason, count in reasons),
        "",
        f"The longest for {heads[0].age_s / 60:.0f} min. Open Blocked conversations in the admin; the events in front:",
        *ids,
    ]
    known = f", and {before:,} told of before" if before else ""
    return f"{waited} for over {conf().alert_head_age_s / 60:.0f} min{known}", "\n".join(body)


def _reason(head: Head) -> str:
    fact = head.reason if head.state == "parked" else head.code if head.state == "retrying" else ""
    return f"{_WHY[head.state]} ({fact})" if fact else _WHY[head.state]


def _ids(heads: Sequence[Head]) -> list[UUID]:
    return [head.event_id for head in heads]

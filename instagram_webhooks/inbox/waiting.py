"""Events that wait longer than they need to by now."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from instagram_webhooks.inbox.statements import is_leased

_WAKE = f"""
UPDATE instagram_webhooks_webhookevent e SET claimable_at = clock_timestamp(), dispatched_at = NULL
  FROM (SELECT event_id FROM instagram_webhooks_webhookevent
         WHERE event_id = ANY(%(ids)s) ORDER BY event_id FOR UPDATE SKIP LOCKED) chosen
 WHERE e.event_id = chosen.event_id AND e.state = 'retrying' AND {is_leased("e")}
RETURNING e.event_id
"""


def wake(event_ids: Sequence[UUID]) -> list[UUID]:
    """Makes events in retry due at once; those that were not yet. No move: they stay in retry, with their fence."""
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, {"ids": list(event_ids)})
        return [row[0] for row in cursor.fetchall()]

"""Whose turn it is in many lanes at once, to say what an event waits for."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

# The rule of the claim (inbox/claim.py), for a list: two look-ups a lane, each in its own index.
_HEADS = """
SELECT named.lane, coalesce(
         (SELECT p.event_id FROM instagram_webhooks_webhookevent p
           WHERE p.lane = named.lane AND p.state = 'processing'),
         (SELECT o.event_id FROM instagram_webhooks_webhookevent o
           WHERE o.lane = named.lane AND o.state IN ('received', 'processing', 'retrying', 'parked')
           ORDER BY o.order_at, o.received_at, o.place, o.event_id LIMIT 1))
  FROM unnest(%s::uuid[]) AS named(lane)
"""


def heads_of(lanes: Iterable[UUID]) -> dict[UUID, UUID]:
    """The head of each lane that has an open event; one query, none without lanes."""
    wanted = list(set(lanes))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, [wanted])
        return {lane: head for lane, head in cursor.fetchall() if head is not None}

"""Echoes and statuses that lie in the inbox, worked off or not: proof that a message left."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from instagram_webhooks.models import EventPayload, WebhookEvent
from instagram_webhooks.vault import open_sealed

MOST = 50


def stored_echoes(conversation_id: UUID, *, since: datetime, kind: str = "echo") -> Iterator[bytes]:
    """The payloads of the newest echoes of a conversation received since then, or of another kind of event."""
    ids = WebhookEvent.objects.filter(conversation_id=conversation_id, kind=kind, received_at__gte=since)
    newest = list(ids.order_by("-received_at").values_list("event_id", flat=True)[:MOST])
    for row in EventPayload.objects.filter(event_id__in=newest):
        yield open_sealed(row.sealed, place=EventPayload.PLACE, row_id=row.event_id)

"""Rows to show: only the telling fields are spelled."""

import uuid
from datetime import UTC, datetime, timedelta

from audit.ids import uuid7
from instagram_webhooks.models import EventPayload, OutgoingReply, WebhookEvent

ACCOUNT = "17841400000000001"
NINE = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def at(seconds):
    return NINE + timedelta(seconds=seconds)


def an_event(**telling):
    """A message that was just stored, or what the telling fields make of it; consistent with its state."""
    state = telling.get("state", "received")
    received_at = telling.get("received_at", NINE)
    facts = {
        "key": uuid7(),
        "provider": "instagram",
        "kind": "message",
        "account": ACCOUNT,
        "correlation_id": f"{uuid7()}.1",
        "state": state,
        "reason": {"parked": "token", "ignored": "no_handler"}.get(state, ""),
        "received_at": received_at,
        "order_at": received_at,
        "place": 1,
        "claimable_at": received_at if state in ("received", "processing", "retrying") else None,
        "worker_id": uuid7() if state == "processing" else None,
        "finished_at": received_at if state in ("processed", "ignored", "dead") else None,
    }
    if "message_digest" in telling:
        facts["key"] = uuid.UUID(bytes=telling["message_digest"].bytes[:8] + uuid7().bytes[8:])
    if "lane" in telling:
        facts["conversation_id"] = telling["lane"]
    return WebhookEvent.objects.create(**(facts | telling))


def with_payload(event):
    EventPayload.objects.create(event_id=event.pk, sealed=b"sealed")
    return event


def a_reply(event, **telling):
    facts = {
        "event_id": event.pk,
        "reply_key": uuid7(),
        "conversation_id": event.conversation_id or uuid7(),
        "provider": event.provider,
        "account": event.account,
        "created_at": event.received_at,
    }
    return OutgoingReply.objects.create(**(facts | telling))

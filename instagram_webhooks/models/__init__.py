"""The rows of this app."""

from instagram_webhooks.models.account import Account, AccountState
from instagram_webhooks.models.conversation import Conversation, Message
from instagram_webhooks.models.event import EventPayload, WebhookEvent
from instagram_webhooks.models.reply import OutgoingReply
from instagram_webhooks.models.worker import Worker

__all__ = [
    "Account",
    "AccountState",
    "Conversation",
    "EventPayload",
    "Message",
    "OutgoingReply",
    "WebhookEvent",
    "Worker",
]

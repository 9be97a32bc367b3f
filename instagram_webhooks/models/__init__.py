"""The rows of this app."""

from instagram_webhooks.models.account import Account, AccountState
from instagram_webhooks.models.alarm import HeadAlarm
from instagram_webhooks.models.conversation import Conversation, Message
from instagram_webhooks.models.event import BlockedConversation, EventPayload, WebhookEvent
from instagram_webhooks.models.minute import Minute
from instagram_webhooks.models.reply import OutgoingReply
from instagram_webhooks.models.worker import Turn, Worker

__all__ = [
    "Account",
    "AccountState",
    "BlockedConversation",
    "Conversation",
    "EventPayload",
    "HeadAlarm",
    "Message",
    "Minute",
    "OutgoingReply",
    "Turn",
    "WebhookEvent",
    "Worker",
]

"""The rows of this app."""

from instagram_webhooks.models.account import Account, AccountState
from instagram_webhooks.models.arrival import Arrival
from instagram_webhooks.models.conversation import Conversation, Message
from instagram_webhooks.models.event import BlockedConversation, EventPayload, WebhookEvent
from instagram_webhooks.models.incident import Incident
from instagram_webhooks.models.minute import Minute
from instagram_webhooks.models.refusals import Refusals
from instagram_webhooks.models.reply import OutgoingReply
from instagram_webhooks.models.worker import Turn, Worker

__all__ = [
    "Account",
    "AccountState",
    "Arrival",
    "BlockedConversation",
    "Conversation",
    "EventPayload",
    "Incident",
    "Message",
    "Minute",
    "OutgoingReply",
    "Refusals",
    "Turn",
    "WebhookEvent",
    "Worker",
]

"""An event in our own words: what the door stores and what a worker is given."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Provider = Literal["instagram", "facebook", "whatsapp"]
PROVIDERS: tuple[Provider, ...] = ("instagram", "facebook", "whatsapp")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEvent:
    """One thing that happened; what every provider's `split()` gives.

    kind: one of the kinds of the public interface (message, echo, reaction, …, unknown).
    account: Meta's id of the business account, 1..64 of `[0-9A-Za-z_.:-]`; "" where kind is
        unreadable or empty.
    identity: what tells this event from others of its provider, account and kind. Built from
        Meta's ids, never from content or time alone, so a redelivery in another batch is the
        same event.
    partner: the customer's id at Meta, or None. Personal data (of WhatsApp it is the phone number).
    message_id: Meta's id of the message or comment that this is, or is about; or None.
    happened_at: aware UTC, or None where Meta gave no usable time.
    in_lane: whether it waits for its turn in the conversation.
    is_test: sent by the dashboard's test button.
    raw: a body of Meta's own form that holds this one event (for unreadable: the offending bytes).
        Personal data: goes to the vault, never to a log.
    """

    kind: str
    account: str
    identity: tuple[str, ...]
    partner: str | None = field(default=None, repr=False)
    message_id: str | None = field(default=None, repr=False)
    happened_at: datetime | None = None
    in_lane: bool = False
    is_test: bool = False
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something a customer sent beside text. `url` is "" where Meta gives none, and expires."""

    type: str
    url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What one event says, free of Meta's shapes. All of it is personal data.

    is_standby: another app owns the thread; read it, never answer it.
    is_own: the account itself wrote it (an echo, a note to self, its own comment).
    target_id: Meta's id of the message that a reaction, edit, deletion or receipt is about.
    edit_number: 0 announces a new message and edits nothing.
    metadata: what the sender of one of our own messages attached to it, as a reply of ours its id.
    delivery: how far our own message came: sent, delivered, read, failed; error_code: why it failed.
    """

    sender: str = field(default="", repr=False)
    partner: str | None = field(default=None, repr=False)
    message_id: str | None = field(default=None, repr=False)
    target_id: str | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)
    quick_reply: str | None = field(default=None, repr=False)
    reply_to: str | None = field(default=None, repr=False)
    reaction: str | None = field(default=None, repr=False)
    edit_number: int | None = None
    metadata: str = field(default="", repr=False)
    delivery: str = ""
    error_code: int | None = None
    is_standby: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventJob:
    """The typed job that producer and worker share; only `event_id` ever travels through the broker.

    event_id is the idempotency key of the work. payload is opened from the encrypted store.
    """

    event_id: uuid.UUID
    provider: Provider
    payload: bytes = field(repr=False)
    correlation_id: str

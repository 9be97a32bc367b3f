"""The types that a reply policy sees: what it is given and what it may answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from instagram_webhooks.events import Attachment, Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class PastMessage:
    """A message of the conversation so far. author: customer, service or person."""

    author: str
    happened_at: datetime
    text: str = field(repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """What is known when a reply is decided. No transaction is open meanwhile.

    account_id and sender_id are Meta's own ids. attempt counts from 1. time_left_s is what the
    policy has before its attempt counts as failed. history(n) opens the last n messages, oldest first.
    """

    event_id: UUID
    provider: Provider
    kind: str
    account_id: str
    sender_id: str = field(repr=False)
    conversation_id: UUID
    text: str = field(repr=False)
    attachments: tuple[Attachment, ...] = field(repr=False)
    quick_reply: str | None = field(repr=False)
    happened_at: datetime
    reply_deadline: datetime
    last_reply_at: datetime | None
    last_human_at: datetime | None
    attempt: int
    time_left_s: float
    history: Callable[[int], list[PastMessage]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Say this. Later kinds of reply will be more fields."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Silence:
    """Say nothing, for a reason of 1..32 characters of `a-z0-9_` that is shown to ops."""

    reason: str


Answer = Reply | Silence | str | None
Policy = Callable[[ReplyContext], Answer]

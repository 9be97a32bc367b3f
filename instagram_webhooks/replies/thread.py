"""Conversations and messages: every SQL on them. Callers hold the event's fence in the same transaction."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from audit.ids import uuid7
from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import Conversation, Message, WebhookEvent
from instagram_webhooks.states import EventState
from instagram_webhooks.vault import event_keys, message_digest, open_sealed, seal, seal_text

_OPEN = """
INSERT INTO instagram_webhooks_conversation (id, provider, account, sealed_partner, last_message_at)
VALUES (%(id)s, %(provider)s, %(account)s, %(partner)s, %(at)s)
ON CONFLICT (id) DO UPDATE SET last_message_at = greatest(instagram_webhooks_conversation.last_message_at, %(at)s)
"""
# A row that an echo or a deletion made first is kept as it is, and so is one of a commit whose answer was lost.
_ADD = """
INSERT INTO instagram_webhooks_message
  (id, conversation_id, author, kind, message_digest, event_id, sealed, edit_number, happened_at, deleted_at)
VALUES (%(id)s, %(conversation)s, %(author)s, %(kind)s, %(digest)s, %(event)s, %(sealed)s, 0, %(at)s, %(deleted)s)
ON CONFLICT DO NOTHING
"""

# For many at once, as common table expressions over what still belongs to its claim.
OPENED = """opened AS (
  INSERT INTO instagram_webhooks_conversation (id, provider, account, sealed_partner, last_message_at)
  SELECT i.conversation_id, i.provider, i.account, i.partner, i.at FROM held i
  ON CONFLICT (id) DO UPDATE
    SET last_message_at = greatest(instagram_webhooks_conversation.last_message_at, EXCLUDED.last_message_at)
)"""
_ADDING = """
  INSERT INTO instagram_webhooks_message
    (id, conversation_id, author, kind, message_digest, event_id, sealed, edit_number, happened_at)
  SELECT i.message_id, i.conversation_id, '{author}', i.kind, i.digest, i.event_id, i.sealed, 0, i.at FROM {rows} i
  ON CONFLICT"""
ADDED = f"added AS ({_ADDING.format(author='customer', rows='held')} DO NOTHING)"
# Ours; takes over the row that an early echo made.
ANSWERED = f"""answered AS ({_ADDING.format(author="service", rows="done")}
    (conversation_id, message_digest) WHERE message_digest IS NOT NULL DO UPDATE SET author = 'service')"""
MARKED = """marked AS (
  UPDATE instagram_webhooks_conversation c SET last_reply_at = greatest(c.last_reply_at, i.at)
    FROM done i WHERE c.id = i.conversation_id
)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """When the service and a person last answered in a conversation."""

    last_reply_at: datetime | None = None
    last_human_at: datetime | None = None


def last_answers(conversation_id: UUID) -> Silence:
    """Read before the policy is asked."""
    row = Conversation.objects.filter(pk=conversation_id).values_list("last_reply_at", "last_human_at").first()
    return Silence(last_reply_at=row[0], last_human_at=row[1]) if row else Silence()


def is_deleted(claim: Claim) -> bool:
    """Whether the message of this event was deleted by its author, perhaps before it came here.

    Also where the deletion waits yet: it stands behind its message, which may be held back for hours.
    """
    if claim.message_digest is None:
        return False
    tombstones = Message.objects.filter(conversation=claim.conversation_id, message_digest=claim.message_digest)
    return tombstones.filter(deleted_at__isnull=False).exists() or _is_deletion_stored(claim.message_digest)


def _is_deletion_stored(message: UUID) -> bool:
    of_message = WebhookEvent.objects.filter(key__range=event_keys(message), message_digest=message)
    return of_message.filter(kind="message_deleted").exclude(state=EventState.IGNORED).exists()


def open_conversation(claim: Claim, partner: str, *, message_at: datetime | None = None) -> None:
    """The row of a conversation, made at its first event; `message_at`: when the customer wrote."""
    assert claim.conversation_id is not None
    values = {
        "id": claim.conversation_id,
        "provider": claim.provider,
        "account": claim.account,
        "partner": seal_text(partner, place=Conversation.PARTNER_PLACE, row_id=claim.conversation_id),
        "at": message_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, values)


def add(claim: Claim, content: Content, author: Message.Author) -> None:
    """One message of a conversation, once."""
    _add(claim, author, claim.message_digest, plain=plain(content), at=claim.happened_at or claim.received_at)


def add_reply(answered: Claim | WebhookEvent, text: str, digest_of_message: UUID | None, sent_at: datetime) -> None:
    """Our own message, once it is sent; takes over the row that an early echo made.

    digest_of_message: None where a person's word is all that is known of it.
    """
    _add(answered, Message.Author.SERVICE, digest_of_message, plain=plain(Content(text=text)), at=sent_at)
    if digest_of_message is None:
        return
    Message.objects.filter(conversation=answered.conversation_id, message_digest=digest_of_message).update(
        author=Message.Author.SERVICE
    )


def name_reply(answered: WebhookEvent, digest_of_message: UUID) -> None:
    """Our message that a person's word brought here, under Meta's id of it, once an echo tells that."""
    if Message.objects.filter(conversation=answered.conversation_id, message_digest=digest_of_message).exists():
        return
    unnamed = Message.objects.filter(conversation=answered.conversation_id, event_id=answered.event_id)
    unnamed.filter(author=Message.Author.SERVICE, message_digest=None).update(message_digest=digest_of_message)


def mark_reply(answered: Claim | WebhookEvent, sent_at: datetime) -> None:
    """The service answered."""
    _latest("last_reply_at", answered, sent_at)


def mark_human(claim: Claim) -> None:
    """A person answered from Meta's own app."""
    at = claim.happened_at or claim.received_at
    _latest("last_human_at", claim, at)


def mark_read(claim: Claim) -> None:
    """The customer has read up to here."""
    _latest("partner_read_at", claim, claim.happened_at or claim.received_at)


def _latest(column: str, claim: Claim | WebhookEvent, at: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE instagram_webhooks_conversation SET {column} = greatest({column}, %s) WHERE id = %s",
            [at, claim.conversation_id],
        )


def react(claim: Claim, content: Content) -> None:
    """Sets or takes back the reaction to a message; the latest by Meta's clock wins."""
    if content.target_id is None:
        return
    at = claim.happened_at or claim.received_at
    for message in _target(claim, content.target_id).filter(Q(reacted_at=None) | Q(reacted_at__lte=at)):
        mark = content.reaction
        sealed = seal_text(mark, place=Message.REACTION_PLACE, row_id=message.id) if mark else None
        Message.objects.filter(pk=message.pk).update(sealed_reaction=sealed, reacted_at=at)


def edit(claim: Claim, content: Content) -> None:
    """Replaces the text of a message; the highest edit number wins."""
    if content.target_id is None:
        return
    for message in _target(claim, content.target_id).filter(edit_number__lt=content.edit_number or 0, deleted_at=None):
        sealed = seal(plain(content), place=Message.PLACE, row_id=message.id)
        Message.objects.filter(pk=message.pk).update(sealed=sealed, edit_number=content.edit_number)


def delete(claim: Claim, content: Content) -> None:
    """Takes the content of a message away and leaves a tombstone, also for a message that has not come yet."""
    at = claim.happened_at or claim.received_at
    target = content.target_id or content.message_id
    found = message_digest(target) if target else None
    _add(claim, Message.Author.CUSTOMER, found, plain=None, at=at, deleted_at=at)
    Message.objects.filter(conversation=claim.conversation_id, message_digest=found, deleted_at=None).update(
        deleted_at=at, sealed=None, sealed_reaction=None
    )


def history(conversation_id: UUID, count: int) -> list[tuple[Message, dict[str, Any]]]:
    """The last messages, oldest first, opened."""
    rows = Message.objects.filter(conversation_id=conversation_id).order_by("-happened_at", "-id")[:count]
    return [(row, opened(row)) for row in reversed(rows)]


def opened(message: Message) -> dict[str, Any]:
    """What a message says: text, attachments, quick_reply; empty for a tombstone."""
    if message.sealed is None:
        return {}
    said: dict[str, Any] = json.loads(open_sealed(message.sealed, place=Message.PLACE, row_id=message.id))
    return said


def plain(content: Content) -> bytes:
    """What a message says, as it is sealed."""
    said = {
        "text": content.text,
        "attachments": [asdict(each) for each in content.attachments],
        "quick_reply": content.quick_reply,
        "reply_to": content.reply_to,
    }
    return json.dumps(said).encode()


def _add(
    claim: Claim | WebhookEvent,
    author: Message.Author,
    digest_of_message: UUID | None,
    *,
    plain: bytes | None,
    at: datetime,
    deleted_at: datetime | None = None,
) -> None:
    row_id = uuid7()
    values = {
        "id": row_id,
        "conversation": claim.conversation_id,
        "author": author,
        "kind": claim.kind,
        "digest": digest_of_message,
        "event": claim.event_id,
        "sealed": None if plain is None else seal(plain, place=Message.PLACE, row_id=row_id),
        "at": at.astimezone(UTC),
        "deleted": deleted_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)


def _target(claim: Claim, message_id: str) -> QuerySet[Message]:
    return Message.objects.filter(conversation=claim.conversation_id, message_digest=message_digest(message_id))

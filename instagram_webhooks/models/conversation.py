"""Conversations between an account and one customer, and their messages."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from audit.ids import uuid7
from instagram_webhooks.models.rules import OneOf

_AUTHORS = ("customer", "service", "person")


class Conversation(models.Model):
    """One account and one customer. Its id is a keyed digest of both, known before the row exists."""

    PARTNER_PLACE = "conversation.sealed_partner"

    id = models.UUIDField(primary_key=True, editable=False)
    provider = models.CharField(max_length=16)
    account = models.CharField(max_length=64)
    sealed_partner = models.BinaryField()  # the customer's id at Meta
    created_at = models.DateTimeField(db_default=Now())
    last_message_at = models.DateTimeField(null=True)  # by the customer, Meta's clock
    last_reply_at = models.DateTimeField(null=True)  # ours, sent
    last_human_at = models.DateTimeField(null=True)  # a person's answer from Meta's app
    partner_read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(models.F("created_at").desc(), models.F("id").desc(), name="conversation_newest"),)

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    """One message of either side; text and attachments lie sealed, as JSON, in `sealed`.

    A row with `deleted_at` and without content is a tombstone: the deletion may come first.
    """

    PLACE = "message.sealed"
    REACTION_PLACE = "message.sealed_reaction"

    class Author(models.TextChoices):
        CUSTOMER = "customer"
        SERVICE = "service"  # this service's reply
        PERSON = "person"  # someone at the business, from Meta's app

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Made in the statement that makes the conversation. To have PostgreSQL look for it once more, and lock it, took a
    # third of its time for an answered message.
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, db_index=False, db_constraint=False)
    author = models.CharField(max_length=12, choices=Author)
    kind = models.CharField(max_length=32)
    message_digest = models.UUIDField(null=True)
    event_id = models.UUIDField(null=True)
    sealed = models.BinaryField(null=True)
    edit_number = models.SmallIntegerField(default=0)
    sealed_reaction = models.BinaryField(null=True)
    reacted_at = models.DateTimeField(null=True)
    happened_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Now())
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index("conversation", "happened_at", "id", name="message_history"),)
        constraints = (
            models.UniqueConstraint("conversation", "message_digest", name="message_once",
                                    condition=Q(message_digest__isnull=False)),
            models.UniqueConstraint("event_id", "author", name="message_of_event_once",
                                    condition=Q(message_digest__isnull=True)),
            models.CheckConstraint(name="message_author_known", condition=Q(OneOf("author", _AUTHORS))),
        )  # fmt: skip

"""The outbound ledger: what this service sent, is sending, or decided not to send."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from audit.ids import uuid7
from instagram_webhooks.models.rules import OneOf, given_where
from instagram_webhooks.states import ReplyState

_AS_ITS_STATE_SAYS = (  # one for all, as of events
    Q(OneOf("state", ReplyState.values))
    & given_where("sent_at", OneOf("state", [ReplyState.SENT]))
    & (Q(called_at__isnull=False) | ~Q(state=ReplyState.SENDING))
    & (~Q(reason="") | ~Q(state=ReplyState.WITHHELD))
)


class OutgoingReply(models.Model):
    """One reply to one message or comment.

    Committed as `sending` before the call to Meta, so that after a crash it is known that the
    message may have left. `reply_key` is the digest of account and answered message: a tap that
    arrives as a message and as a postback is answered once.
    """

    PLACE = "outgoing_reply.sealed_text"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_id = models.UUIDField(unique=True)
    reply_key = models.UUIDField()
    conversation_id = models.UUIDField()
    provider = models.CharField(max_length=16)
    account = models.CharField(max_length=64)
    sealed_text = models.BinaryField(default=bytes)
    state = models.CharField(max_length=12, choices=ReplyState)
    reason = models.CharField(max_length=32, default="")  # why withheld
    message_digest = models.UUIDField(null=True)  # Meta's id of what was sent
    created_at = models.DateTimeField(db_default=Now())
    called_at = models.DateTimeField(null=True)  # when `sending` was last committed
    ended_at = models.DateTimeField(null=True)  # when that call failed; NULL while it runs, or its worker died
    absent_at = models.DateTimeField(null=True)  # the first look-up since then that did not find it
    lookups = models.SmallIntegerField(default=0)  # look-ups since then
    error_class = models.CharField(max_length=64, default="")  # of the last call that failed
    error_code = models.CharField(max_length=32, default="")
    graph_code = models.IntegerField(null=True)
    graph_subcode = models.IntegerField(null=True)
    sent_at = models.DateTimeField(null=True)
    echoed_at = models.DateTimeField(null=True)  # Meta's echo confirmed it
    is_held = models.BooleanField(default=False)  # its event waits for the account, and is woken with it

    class Meta:
        verbose_name_plural = "outgoing replies"
        indexes = (
            models.Index("provider", "account", "created_at", name="reply_held", condition=Q(is_held=True)),
            models.Index("conversation_id", name="reply_in_flight", condition=Q(state=ReplyState.SENDING)),
            # May have arrived, or did by a person's word: a late echo can still prove it.
            models.Index("conversation_id", name="reply_unproven",
                         condition=Q(state__in=(ReplyState.UNDECIDED, ReplyState.SENT), message_digest__isnull=True)),
        )  # fmt: skip
        constraints = (
            models.UniqueConstraint("reply_key", name="one_reply_a_message", condition=~Q(state=ReplyState.WITHHELD)),
            models.UniqueConstraint("message_digest", name="one_reply_a_sent_message",
                                    condition=Q(message_digest__isnull=False)),
            models.CheckConstraint(name="reply_is_as_its_state_says", condition=_AS_ITS_STATE_SAYS),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.state} {self.id}"

"""The inbox: one small row an event, which is also its idempotency record, and its sealed payload."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now

from audit.ids import uuid7
from instagram_webhooks.models.rules import OneOf, given_where
from instagram_webhooks.states import CLAIMABLE, ENDED, EventState

# One constraint for all: PostgreSQL prepares each anew for every statement.
_AS_ITS_STATE_SAYS = (
    Q(OneOf("state", EventState.values))
    & given_where("claimable_at", OneOf("state", CLAIMABLE))
    & given_where("worker_id", OneOf("state", [EventState.PROCESSING]))
    & given_where("finished_at", OneOf("state", ENDED))
    & (~Q(reason="") | ~Q(OneOf("state", [EventState.PARKED, EventState.IGNORED])))
)


class WebhookEvent(models.Model):
    """One thing that happened at Meta, with a key of its own.

    Rewritten two or three times in its life, so it stays small: what it holds is in EventPayload.
    No foreign keys: the door inserts with one statement and locks nothing else.
    """

    event_id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Keyed digest, whose first half is its message's: the same event again is known by it, and all of a message found.
    key = models.UUIDField(unique=True)
    provider = models.CharField(max_length=16)
    kind = models.CharField(max_length=32)
    account = models.CharField(max_length=64)  # Meta's id of the business account; "" where unreadable
    conversation_id = models.UUIDField(null=True)
    lane = models.UUIDField(null=True)  # conversation_id where the event waits for its turn, else NULL
    message_digest = models.UUIDField(null=True)
    correlation_id = models.CharField(max_length=80)

    state = models.CharField(max_length=12, choices=EventState)
    reason = models.CharField(max_length=32, default="")  # why parked or ignored
    attempts = models.SmallIntegerField(default=0)  # those that had an outcome
    starts = models.SmallIntegerField(default=0)  # claims in a row without a recorded outcome
    fence = models.IntegerField(default=0)  # rises with every claim and never falls
    worker_id = models.UUIDField(null=True)  # who has it, while processing

    happened_at = models.DateTimeField(null=True)  # Meta's clock
    received_at = models.DateTimeField()
    place = models.SmallIntegerField()  # within its POST
    order_at = models.DateTimeField()  # the order of a lane, then received_at, place, event_id
    claimable_at = models.DateTimeField(null=True)  # due; while processing: end of the lease; NULL: never
    dispatched_at = models.DateTimeField(null=True)  # when a wake-up was last offered
    finished_at = models.DateTimeField(null=True)

    class Meta:
        # Open events, and those in processing, are told by finished_at and worker_id, which the constraint below ties
        # to the state: PostgreSQL prepares each index's condition for every statement, and a list of states is dear.
        indexes = (
            models.Index("lane", "order_at", "received_at", "place", "event_id", name="event_lane_order",
                         condition=Q(lane__isnull=False, finished_at__isnull=True)),
            # Since when it waits: since it came, or since a replay brought it back. Every place is 0 or more: the
            # condition says so to keep this index from serving those who look for one lane, and would read all.
            models.Index(Greatest("received_at", "order_at"), "event_id", name="event_longest_open",
                         condition=Q(lane__isnull=False, finished_at__isnull=True, place__gte=0)),
            models.Index("claimable_at", name="event_claimable", condition=Q(claimable_at__isnull=False)),
            models.Index("account", "order_at", name="event_parked", condition=Q(state=EventState.PARKED)),
            models.Index("conversation_id", name="event_conversation", condition=Q(conversation_id__isnull=False)),
            models.Index(fields=["correlation_id"], name="event_correlation", opclasses=("varchar_pattern_ops",)),
            models.Index(F("received_at").desc(), F("event_id").desc(), name="event_newest"),
        )  # fmt: skip
        constraints = (
            # Also the way to what a worker has: no more rows than there are slots.
            models.UniqueConstraint("lane", name="one_event_of_a_lane_in_processing",
                                    condition=Q(worker_id__isnull=False)),
            models.CheckConstraint(name="event_is_as_its_state_says", condition=_AS_ITS_STATE_SAYS),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class BlockedConversation(WebhookEvent):
    """The head of a lane that stands, for the admin's list of them; no table of its own."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = "blocked conversation"


class EventPayload(models.Model):
    """What Meta sent for one event, sealed. Its row goes when retention or erasure takes it."""

    PLACE = "event_payload.sealed"

    event_id = models.UUIDField(primary_key=True, editable=False)
    sealed = models.BinaryField()
    stored_at = models.DateTimeField(db_default=Now())

    class Meta:
        permissions = (("view_payload", "Can open what customers wrote, with a reason"),)

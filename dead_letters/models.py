"""What died, as ops see it: ids, codes and a safe sentence, never the payload."""

from django.db import models
from django.db.models import Q

from audit.columns import ClockTimestamp
from audit.ids import uuid7


class Status(models.TextChoices):
    """Where a dead letter stands; only review.py and bury.py write it."""

    OPEN = "open"  # waits for a person
    REPLAYED = "replayed"  # its subject went back to work
    RESOLVED = "resolved"  # put right by other means
    DISCARDED = "discarded"  # nothing will be done


class DeadLetter(models.Model):
    """One failure for good of one subject.

    subject_kind, subject_id: whose death it is; subject.py finds the code that can replay it.
    lane, order_at: its place among its kind, so that a replay of many keeps their order.
    account_label: the business account's public id, or "".
    upstream_code, upstream_subcode: what the service that refused us answered, where it did.
    summary: a sentence that names no person and quotes nothing.
    frames: where a bug happened (`file:line function`); None for expected failures.
    fingerprint: the same for all deaths of one cause.
    alert_tried_at, alerted_at: when an alert was last tried, and when one was delivered.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.UUIDField("event id")
    lane = models.UUIDField(null=True)
    order_at = models.DateTimeField(null=True)
    provider = models.CharField(max_length=16, default="")
    kind = models.CharField(max_length=32, default="")
    account_label = models.CharField("account", max_length=64, default="")
    correlation_id = models.CharField(max_length=96, default="")
    error_class = models.CharField(max_length=150)
    code = models.CharField(max_length=64)
    upstream_code = models.IntegerField("Graph code", null=True)
    upstream_subcode = models.IntegerField("Graph subcode", null=True)
    summary = models.CharField(max_length=300)
    attempts = models.SmallIntegerField()
    fingerprint = models.CharField(max_length=64)
    frames = models.JSONField(null=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, default="")
    close_reason = models.CharField(max_length=500, default="")
    replays = models.SmallIntegerField(default=0)
    alert_tried_at = models.DateTimeField(null=True)
    alerted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "dead letter"
        permissions = (("act_on_deadletter", "Can replay, resolve, discard and reopen dead letters"),)
        constraints = (
            models.CheckConstraint(name="dead_letter_status_known", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="dead_letter_closed_or_open",
                condition=Q(status=Status.OPEN, closed_at__isnull=True)
                | (~Q(status=Status.OPEN) & Q(closed_at__isnull=False)),
            ),
            models.UniqueConstraint(
                name="dead_letter_one_open_a_subject",
                fields=["subject_id"],
                condition=Q(status=Status.OPEN),
            ),
        )
        indexes = (
            models.Index(fields=["status", "-created_at", "-id"], name="dead_letter_by_status"),
            models.Index(fields=["-created_at", "-id"], name="dead_letter_newest"),
            models.Index(fields=["subject_id"], name="dead_letter_subject"),
            # Also for the ids that begin with a request's id, hence the operator class.
            models.Index(fields=["correlation_id"], name="dead_letter_correlation", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["id"], name="dead_letter_unalerted", condition=Q(alerted_at__isnull=True)),
            models.Index(fields=["alert_tried_at"], name="dead_letter_alert_tried"),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.subject_id}"

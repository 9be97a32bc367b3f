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


class CauseState(models.TextChoices):
    """What people have said of a cause; only causes.py writes it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody works on it
    RESOLVED = "resolved"  # put right; a death after that opens it again
    IGNORED = "ignored"  # until a time; its deaths are still counted and shown


def upstream(failed: "Cause | DeadLetter") -> str:
    """The upstream's code and subcode as people write them, as 100/33; "" where it named none."""
    return "/".join(str(n) for n in (failed.upstream_code, failed.upstream_subcode) if n is not None)


class Cause(models.Model):
    """Why things die: one row for any number of dead letters that failed in the same way.

    id: the fingerprint (bury.py), made by the version of that rule.
    place: of a bug, the innermost call of this project, as `file function`; "" for expected failures.
    changed_at, changed_by: of the state; who is "" while nobody has said anything.
    recurred_at: when it was opened again by a death after it had been resolved.
    note: what people want the next one to know. No personal data.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    version = models.SmallIntegerField()
    error_class = models.CharField(max_length=150)
    code = models.CharField(max_length=64)
    upstream_code = models.IntegerField("Graph code", null=True)
    upstream_subcode = models.IntegerField("Graph subcode", null=True)
    summary = models.CharField(max_length=300)
    place = models.CharField(max_length=300, default="")
    first_seen_at = models.DateTimeField(db_default=ClockTimestamp())
    state = models.CharField(max_length=16, choices=CauseState, default=CauseState.OPEN)
    ignored_until = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(db_default=ClockTimestamp())
    changed_by = models.CharField(max_length=150, default="")
    recurred_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, default="")

    class Meta:
        verbose_name_plural = "dead letters by cause"
        permissions = (("act_on_cause", "Can acknowledge, resolve, ignore and reopen causes, and note something"),)
        constraints = (
            models.CheckConstraint(
                name="cause_is_as_its_state_says",
                condition=Q(state__in=CauseState.values)
                & (Q(state=CauseState.IGNORED) | Q(ignored_until__isnull=True))
                & (~Q(state=CauseState.IGNORED) | Q(ignored_until__isnull=False)),
            ),
        )

    def __str__(self) -> str:
        """What fails, with the upstream's numbers: several causes may share a sentence."""
        numbers = upstream(self)
        return f"{self.summary.rstrip('.')} ({numbers})" if numbers else self.summary


class CauseHour(models.Model):
    """How many died of a cause in one hour, by account: what charts are drawn of. causes.py counts it."""

    pk = models.CompositePrimaryKey("cause_id", "hour", "account_label")
    # No constraint, as of letters: one without its cause must not keep all others from being counted.
    cause = models.ForeignKey(Cause, on_delete=models.CASCADE, db_constraint=False)
    hour = models.DateTimeField()
    account_label = models.CharField(max_length=64)
    died = models.IntegerField()

    class Meta:
        default_permissions = ()
        indexes = (models.Index(fields=["hour"], name="cause_hour"),)


class DeadLetter(models.Model):
    """One failure for good of one subject.

    subject_kind, subject_id: whose death it is; subject.py finds the code that can replay it.
    lane, order_at: its place among its kind, so that a replay of many keeps their order.
    account_label: the business account's public id, or "".
    upstream_code, upstream_subcode: what the service that refused us answered, where it did.
    summary: a sentence that names no person and quotes nothing.
    frames: where a bug happened (`file:line function`); None for expected failures.
    cause: what all deaths of the same fingerprint share; burying makes it, so no row is looked for.
    alerted_at: when the alert of its cause took it up (fresh.py).
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
    cause = models.ForeignKey(
        Cause, on_delete=models.PROTECT, db_column="fingerprint", db_constraint=False, db_index=False
    )
    frames = models.JSONField(null=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, default="")
    close_reason = models.CharField(max_length=500, default="")
    replays = models.SmallIntegerField(default=0)
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
            models.Index(fields=["cause", "-created_at", "-id"], name="dead_letter_by_cause"),
            models.Index(
                fields=["cause", "-created_at", "-id"],
                name="dead_letter_open_by_cause",
                condition=Q(status=Status.OPEN),
            ),
            # With all that a preview of a replay reads of a letter: from the table it would read a page for each.
            models.Index(
                fields=["account_label", "-created_at", "-id"],
                name="dead_letter_open_by_account",
                include=["cause", "subject_kind", "subject_id"],
                condition=Q(status=Status.OPEN),
            ),
            models.Index(fields=["subject_id"], name="dead_letter_subject"),
            # Also for the ids that begin with a request's id, hence the operator class.
            models.Index(fields=["correlation_id"], name="dead_letter_correlation", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["id"], name="dead_letter_unalerted", condition=Q(alerted_at__isnull=True)),
        )

    def __str__(self) -> str:
        return f"{self.code} {self.subject_id}"


class BatchState(models.TextChoices):
    """Whether a replay of many goes on; only batches.py writes it."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"  # by a person, or because too many failed again; the rest stays as it is
    DONE = "done"


class ReplayBatch(models.Model):
    """Many dead letters that are replayed one after the other, at a rate.

    id: chosen by the page that asked, so that a second click makes no second one.
    chosen: the filters that its letters matched.
    rate: letters a second. stop_percent: of the last ones that went, so many may fail again.
    ran_at: until when the rate was used up. why: it stopped.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    name = models.CharField(max_length=100)
    chosen = models.JSONField()
    reason = models.CharField(max_length=500)
    actor = models.CharField("started by", max_length=150)
    state = models.CharField(max_length=12, choices=BatchState, default=BatchState.RUNNING)
    why = models.CharField(max_length=200, default="")
    rate = models.SmallIntegerField("letters a second")
    stop_percent = models.SmallIntegerField("stops when more of 100 fail again")
    total = models.IntegerField()
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    ran_at = models.DateTimeField(db_default=ClockTimestamp())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "replays"
        indexes = (models.Index("created_at", name="replay_batch_unended", condition=Q(ended_at__isnull=True)),)
        constraints = (
            models.CheckConstraint(
                name="replay_batch_as_its_state_says",
                condition=Q(rate__gte=1)
                & (
                    Q(state__in=("running", "paused"), ended_at__isnull=True)
                    | Q(state__in=("stopped", "done"), ended_at__isnull=False)
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name


class ItemOutcome(models.TextChoices):
    """What became of one letter of a batch."""

    WAITING = "waiting"
    REPLAYED = "replayed"  # back at work; what comes of it is not known yet
    PROCESSED = "processed"
    FAILED = "failed"  # it died again
    SKIPPED = "skipped"


class ReplayItem(models.Model):
    """One letter of a batch, in the order in which they go; frozen when the batch was made."""

    pk = models.CompositePrimaryKey("batch_id", "place")
    batch = models.ForeignKey(ReplayBatch, on_delete=models.CASCADE)
    place = models.IntegerField()
    letter_id = models.UUIDField()
    subject_id = models.UUIDField()
    outcome = models.CharField(max_length=12, choices=ItemOutcome, default=ItemOutcome.WAITING)
    why = models.CharField(max_length=200, default="")
    done_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = (
            models.Index(
                "batch",
                "outcome",
                "place",
                name="replay_item_unended",
                condition=Q(outcome__in=(ItemOutcome.WAITING, ItemOutcome.REPLAYED)),
            ),
            models.Index(
                "batch",
                "done_at",
                name="replay_item_ended",
                condition=Q(outcome__in=(ItemOutcome.PROCESSED, ItemOutcome.FAILED)),
            ),
        )

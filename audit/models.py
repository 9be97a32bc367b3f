"""
The audit log's table, which audit/log.py writes and nothing ever changes; and the answers that were given to acts.
"""

import pgtrigger
from django.db import models

from audit.columns import ClockTimestamp, CurrentXid, XidField
from audit.ids import uuid7


class Refusal(pgtrigger.Trigger):
    """A trigger that refuses, whatever the session says.

    The function that django-pgtrigger writes lets a change through where the session variable
    `pgtrigger.ignore` names the trigger, and any session may set that. The first migration makes
    a function without that door, and this runs it instead.
    """

    when = pgtrigger.Before
    func = "RETURN NULL;"  # of the function that is never run

    def render_execute(self, model: models.Model) -> str:  # named so by pgtrigger
        return "audit_auditentry_refuse_change()"


SYSTEM = "system"  # the actor of what nobody did by hand


class AuditEntry(models.Model):
    """One act: what happened to which subject, when and by whom. Ids, codes and numbers only.

    No foreign keys: an entry outlives what it tells of.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_default=ClockTimestamp())
    action = models.CharField(max_length=64)
    subject_id = models.UUIDField(null=True)
    provider = models.CharField(max_length=16, default="", db_default="")
    correlation_id = models.CharField(max_length=96, default="", db_default="")
    actor = models.CharField(max_length=150, default=SYSTEM, db_default=SYSTEM)
    attempt = models.SmallIntegerField(null=True)
    detail = models.JSONField(default=dict)
    reason = models.CharField(max_length=500, default="", db_default="")
    xid = XidField(db_default=CurrentXid(), editable=False)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit log"
        indexes = (
            models.Index(fields=["subject_id", "at"], name="audit_subject_timeline"),
            models.Index(fields=["correlation_id"], name="audit_correlation"),
            # The rare actions are the ones people look for. The common one is left out, so that it
            # costs nothing in the transaction of every event.
            models.Index(
                fields=["action", "id"],
                name="audit_rare_action",
                condition=~models.Q(action="event.processed"),
            ),
            # Of what people did, which is little beside what the system did.
            models.Index(fields=["id"], name="audit_by_people", condition=~models.Q(actor=SYSTEM)),
            models.Index(fields=["actor", "id"], name="audit_by_person", condition=~models.Q(actor=SYSTEM)),
        )
        triggers = (
            Refusal(
                name="audit_append_only",
                level=pgtrigger.Row,
                operation=pgtrigger.Update | pgtrigger.Delete,
            ),
            # A row trigger does not see TRUNCATE.
            Refusal(
                name="audit_no_truncate",
                level=pgtrigger.Statement,
                operation=pgtrigger.Truncate,
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.subject_id or ''}".strip()


def done_by(actor: str) -> models.Q:
    """Entries of one actor, as the index of what people did says it."""
    return models.Q(actor=actor) if actor == SYSTEM else models.Q(actor=actor) & ~models.Q(actor=SYSTEM)


class KeptAnswer(models.Model):
    """What was answered to a request with an Idempotency-Key; rest/once.py writes it, housekeeping forgets it.

    id: a digest of the user and the key. asked: a digest of method, address and body.
    body: JSON as it was answered, key by key in its order.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    asked = models.UUIDField()
    status = models.SmallIntegerField()
    body = models.TextField()
    created_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        default_permissions = ()
        indexes = (models.Index("created_at", name="kept_answer_age"),)

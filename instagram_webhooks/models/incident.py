"""What needs a person, or did: one row for each stretch of trouble."""

from django.db import models
from django.db.models import F, Q

from audit.columns import ClockTimestamp
from audit.ids import uuid7


class Incident(models.Model):
    """Something that is wrong, from when it was first seen until it was no longer; only alarms/incidents.py writes it.

    kind: one of alarms/kinds.py. key: whose it is, an id or "" where there is one for all; never a person.
    facts: what its sentence is made of: ids, codes, numbers, times and the accounts' labels.
    step: how grave it has become; each higher one is told anew.
    seen_at: when it was last so. tried_at: when somebody last tried to tell of it.
    mailed_at, posted_at: when its beginning was told by mail and to the URL; end_…: its end.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=160)
    facts = models.JSONField(default=dict)
    step = models.SmallIntegerField(default=0)
    begun_at = models.DateTimeField(db_default=ClockTimestamp())
    seen_at = models.DateTimeField(db_default=ClockTimestamp())
    ended_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    posted_at = models.DateTimeField(null=True)
    end_mailed_at = models.DateTimeField(null=True)
    end_posted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "alert"
        default_permissions = ("view",)
        permissions = (("test_alert", "Can send a test alert"),)
        constraints = (
            models.UniqueConstraint(
                name="incident_one_open", fields=["kind", "key"], condition=Q(ended_at__isnull=True)
            ),
        )
        # Those that go on come first, as NULL does.
        indexes = (
            models.Index(F("ended_at").desc(), F("begun_at").desc(), F("id").desc(), name="incident_open_first"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.key}".strip()

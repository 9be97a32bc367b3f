"""The audit log over REST."""

from datetime import datetime

from django.db.models import Q
from rest_framework import serializers

from audit.ids import CLOCKS_DIFFER, first_id
from audit.models import AuditEntry, done_by
from audit.rest.filters import Filter
from audit.rest.views import ListView


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    """One act. detail: ids, codes and numbers only. reason: why a person did it, in their own words."""

    detail = serializers.DictField()

    class Meta:
        model = AuditEntry
        fields = ("id", "at", "action", "subject_id", "provider", "correlation_id", "actor", "attempt", "detail",
                  "reason")  # fmt: skip
        read_only_fields = fields


class AuditList(ListView[AuditEntry]):
    """The audit log, newest first."""

    queryset = AuditEntry.objects.defer("xid")
    serializer_class = AuditEntrySerializer
    rights = ("audit.view_auditentry",)
    time = "at"
    filters = (
        Filter(name="action", means="what was done, as event.failed"),
        Filter(name="subject", means="the id of the event, cause, account … it is about", column="subject_id",
               is_id=True),
        Filter(name="correlation_id", means="of the request, or of one event of it"),
        Filter(name="actor", means="who did it, as anna, or system", rows=done_by),
    )  # fmt: skip

    def get_order(self) -> tuple[str, ...]:
        """By id, which is made in the order of time; of one subject as the index of subjects has it."""
        return ("-at", "-id") if "subject" in self.request.query_params else ("-id",)

    def between(self, since: datetime | None, until: datetime | None) -> Q:
        """Bounds the walk by the ids of that time: `at` has no index."""
        within = super().between(since, until)
        if since:
            within &= Q(id__gte=first_id(since, -CLOCKS_DIFFER))
        if until:
            within &= Q(id__lt=first_id(until, CLOCKS_DIFFER))
        return within

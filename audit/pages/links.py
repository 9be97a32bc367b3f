"""Where pages lead, for whoever may go there."""

from django.http import HttpRequest
from django.urls import reverse


def audit_of(request: HttpRequest, subject_id: object) -> str:
    """The audit entries of a subject; "" for who may not see them."""
    if not request.user.has_perm("audit.view_auditentry"):
        return ""
    return reverse("admin:audit_auditentry_changelist", query={"q": str(subject_id)})

"""Where pages lead, for whoever may go there."""

from collections.abc import Callable, Iterable

from django.http import HttpRequest
from django.urls import reverse


def audit_of(request: HttpRequest, subject_id: object) -> str:
    """The audit entries of a subject; "" for who may not see them."""
    if not request.user.has_perm("audit.view_auditentry"):
        return ""
    return reverse("admin:audit_auditentry_changelist", query={"q": str(subject_id)})


def that_may_be_seen(
    pages: Iterable[tuple[object, str, object]], allowed: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """Words and addresses of pages of one row, each given by its words, its `app.model` and its key (None: no row)."""
    return [
        (str(words), reverse(f"admin:{of.replace('.', '_')}_change", args=[key]))
        for words, of, key in pages
        if key and allowed(of.replace(".", ".view_"))
    ]

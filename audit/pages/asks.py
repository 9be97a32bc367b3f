"""What a page between choosing and doing asks, and of which rows."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from audit.log import REASON_LIMIT


class ReasonForm(forms.Form):
    """Why somebody does something; it goes into the audit log."""

    reason = forms.CharField(
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "autofocus": True}),
        help_text="Why? It goes into the audit log with your name. Name no customer.",
    )


def chosen_rows(
    page: "ModelAdmin[Any]",
    request: HttpRequest,
    rows: "QuerySet[Any]",
    *,
    most: int,
    none_left: str = "what you chose is not in this list any more",
) -> list[UUID]:
    """The ids of the rows that an action of a list was chosen for; none, and a word why, where they are too many.

    Also where a filter of the list holds none of them by now: a page that asks about nothing could only fail.
    """
    ids = list(rows.order_by().values_list("pk", flat=True)[: most + 1])
    if 1 <= len(ids) <= most:
        return ids
    said = f"choose at most {most} at once" if ids else none_left
    page.message_user(request, f"Nothing was changed: {said}.", messages.ERROR)
    return []


def asked_ids(request: HttpRequest, *, most: int) -> list[UUID]:
    """The ids that a page between choosing and doing was given; Http404 where they are none, too many or no ids."""
    try:
        ids = [UUID(value) for value in request.POST.getlist("id") or request.GET.getlist("id")]
    except ValueError:
        raise Http404 from None
    if not 1 <= len(ids) <= most:
        raise Http404
    return ids

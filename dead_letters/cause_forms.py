"""What the pages of causes ask, and what their list is narrowed by."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest

from audit.log import REASON_LIMIT
from audit.pages import marks
from audit.pages.asks import ReasonForm
from dead_letters.models import CauseState, DeadLetter, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext import StrOrPromise

_UNTIL = (("1", "an hour"), ("24", "a day"), ("168", "a week"), ("720", "thirty days"))


_LEFT = DeadLetter.objects.filter(cause=OuterRef("pk"), status=Status.OPEN)
NEEDS_SOMEBODY = Q(state__in=(CauseState.OPEN, CauseState.ACKNOWLEDGED)) & Q(Exists(_LEFT))


class IgnoreForm(ReasonForm):
    """For how long it is ignored."""

    hours = forms.ChoiceField(label="Ignore it for", choices=_UNTIL, initial="24")


class NoteForm(forms.Form):
    """What the next one who looks at it should know."""

    reason = forms.CharField(
        label="Note",
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4, "cols": 60, "autofocus": True}),
        help_text="It stands on the page of the cause and goes into the audit log. Name no customer.",
    )


class StateFilter(admin.SimpleListFilter):
    """What needs somebody, unless asked for otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [(name, f"{marks.SHAPES[name]} {name}") for name in CauseState.values] + [("all", "all")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        return [{**first, "display": "needs you"}, *others]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        if self.value() in CauseState.values:
            return queryset.filter(state=self.value())
        return queryset if self.value() == "all" else queryset.filter(NEEDS_SOMEBODY)

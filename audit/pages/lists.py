"""Admin lists that stay quick on tables of millions of rows, and change nothing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property

from audit.pages.limits import in_time
from audit.pages.rows import TimedList, Walked

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[models.Model]
    _Paginator = Paginator[models.Model]
else:
    _Admin = admin.ModelAdmin
    _Paginator = Paginator

CAP = 10_000
PROVIDERS = ("instagram", "facebook", "whatsapp")
_COUNT_MS = 150


class _Many(int):
    """A count that stopped at its cap; reads as `10,000+`."""

    def __str__(self) -> str:
        return f"{int(self):,}+"


class CappedPaginator(_Paginator):
    """Counts up to `cap` rows and for at most 150 ms; what is more, or slower, is `10,000+`.

    An exact count of a large table reads all of it, on every page view.
    """

    cap = CAP

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if not isinstance(rows, models.QuerySet):
            return len(rows)
        # In the order of the list: without it PostgreSQL chose an index of all open letters, and read each of them.
        found = in_time(rows[: self.cap + 1].count, ms=_COUNT_MS)
        return _Many(self.cap) if found is None or found > self.cap else found


class Unchanging:
    """Of an admin that shows and never adds, changes or deletes."""

    def has_add_permission(self, *_: object) -> bool:
        return False

    def has_change_permission(self, *_: object) -> bool:
        return False

    def has_delete_permission(self, *_: object) -> bool:
        return False


class ReadOnlyAdmin(Unchanging, _Admin):
    """An admin that only shows; its search is an exact one.

    Facets are off because they count every filter's rows, which ran for minutes on 600,000 rows.
    counted_as: what its rows are called beneath the list, where that is not their name.
    pages_by_key: of a list that grows without end; its `ordering` is names of columns that are never NULL, the newest
    first, of which the last is unique.
    """

    actions: Any = ()
    list_per_page = 50
    paginator = CappedPaginator
    change_form_template = "audit/one.html"
    counted_as = ""
    pages_by_key = False
    nothing_says = "There is nothing here yet."
    search_fields = ("pk",)  # only shows the box; `exactly` is what searches
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def get_changelist(self, *_: Any, **__: Any) -> type[TimedList]:
        return TimedList

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        context.update(self.beside(request, context["original"]))
        return super().render_change_form(request, context, *args, **kwargs)

    def beside(self, _request: HttpRequest, _row: Any) -> Mapping[str, object]:
        """What the page of one row shows beside its fields, of the row as it was read for that page."""
        return {}

    def exactly(self, term: str) -> models.Q | None:
        """The rows that a search for `term` means, by an indexed column; None where it means nothing."""
        raise NotImplementedError

    def get_search_results(
        self, _request: HttpRequest, queryset: "models.QuerySet[Any]", search_term: str
    ) -> "tuple[models.QuerySet[Any], bool]":
        """Rows that are exactly what was typed: Django's own search would cast ids to text and scan."""
        term = search_term.strip()
        if not term or not self.search_fields:
            return queryset, False
        meant = self.exactly(term)
        return (queryset.none() if meant is None else queryset.filter(meant)), False


class ProviderFilter(Walked):
    """By provider."""

    title = parameter_name = "provider"
    values = PROVIDERS

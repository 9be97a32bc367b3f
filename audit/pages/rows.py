"""The rows of an admin page: read within a time limit, and each with what other tables say about it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib import messages
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ALL_VAR, IGNORED_PARAMS, ORDER_VAR, SEARCH_VAR, ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from audit.pages.keyset import BadCursor, Cursor, Order, Page
from audit.pages.limits import in_time

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

CURSOR = "cursor"
LIMIT_MS = 5000
LOOKED_THROUGH = 5000


class Walked(SimpleListFilter):
    """By a column that no index serves, with fixed choices: Django's filter of a text column reads all its values.

    Rows are looked through from the newest on, and no more than LOOKED_THROUGH of them: a value that is rare, or that
    no row has, would cost the whole table. `values`: of the column that parameter_name names.
    """

    values: Sequence[str] = ()

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [(value, value.replace("_", " ")) for value in self.values]

    def queryset(self, _request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        """All: the list narrows them by `wanted`, after what an index serves."""
        return queryset

    def wanted(self) -> Q | None:
        """What is looked for; None where nothing was chosen."""
        value = self.value()
        return Q(**{str(self.parameter_name): value}) if value in self.values else None


class Chip(NamedTuple):
    """Something that narrows a list. without: the address of the list without it."""

    name: str
    value: str
    without: str


class AnsweredList(ChangeList):
    """Whatever is asked of it: PostgreSQL takes no NUL in a text, and no row has one, so nothing is found by it."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> "QuerySet[Any]":
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        has_nul = any("\0" in str(value) for values in self.filter_params.values() for value in values)
        return found.none() if has_nul else found


class TimedList(AnsweredList):
    """A page whose rows are read at once, with what its admin adds to them.

    A filter that few rows match may read all of a large table: it is stopped, and the page says so.
    further_query: leads to the rows beyond those that were looked through; "" where there are none.
    newer_query, older_query: lead to the pages beside this one, where its admin has pages by key; "" where none is.
    is_late: nothing is known of its rows.
    """

    further_query = newer_query = older_query = ""
    is_late = False
    is_own = True  # not one of Django's: the stylesheet knows its columns
    looked_through = LOOKED_THROUGH

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = str(capfirst(self.opts.verbose_name_plural))  # Django's names one that is to be selected

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> "QuerySet[Any]":
        self._cursor = self._taken(request)
        served: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        chosen = [spec.wanted() for spec in self.filter_specs if isinstance(spec, Walked)]
        wanted = [each for each in chosen if each is not None]
        # Of an act on some rows the ids are known.
        self._is_walked = bool(wanted) and not request.POST.getlist(ACTION_CHECKBOX_NAME)
        if self._is_walked:
            served = self._newest(served)
        return served.filter(*wanted)

    def _newest(self, served: "QuerySet[Any]") -> "QuerySet[Any]":
        """Those that are looked through, by the column that the list is in the order of."""
        column = self._order.columns[0]
        beyond = served.values_list(column, flat=True)[LOOKED_THROUGH : LOOKED_THROUGH + 1]
        edges = in_time(lambda: list(beyond), ms=LIMIT_MS)
        if edges is None:
            self.is_late = True
            return served.none()
        for edge in edges:
            self.further_query = self.get_query_string({self._up_to: edge})
            return served.filter(**{f"{column}__gt": edge})
        return served

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = in_time(self._page, ms=LIMIT_MS)
        self.is_late = self.is_late or rows is None
        if self.is_late:
            messages.warning(request, "This took too long and was stopped. Search by an id, or filter otherwise.")
        # A list, because the template would send the same query again.
        self.result_list = rows or []
        add: Callable[[Sequence[Any], HttpRequest], None] | None = getattr(self.model_admin, "add_to_rows", None)
        if add is not None and rows:
            add(rows, request)

    def _taken(self, request: HttpRequest) -> Cursor | None:
        """The cursor of this page, which narrows nothing and stands in no link of a filter."""
        text = self.params.pop(CURSOR, "")
        self.filter_params.pop(CURSOR, None)
        if not self.is_by_key:
            return None
        self.page_num = 1  # Django's own pages are not asked for, nor another order
        self.params.pop(ORDER_VAR, None)
        self.filter_params.pop(ORDER_VAR, None)
        try:
            return Cursor.read(text, self._order, self.model) if text else None
        except BadCursor:
            messages.warning(request, "This link leads to no place of the list: these are the newest.")
            return None

    def _page(self) -> list[Any]:
        if not self.is_by_key or (self.show_all and self.can_show_all):
            return list(self.result_list)
        page = Page.read(self.queryset, self._order, self._cursor, limit=self.list_per_page)
        if self._cursor and (not page.rows or (self._cursor.is_back and page.previous is None)):
            # The newest, and as many of them as on any page.
            page = Page.read(self.queryset, self._order, None, limit=self.list_per_page)
        # What is looked through begins at the same row on every page, whatever comes meanwhile.
        begins = {self._up_to: getattr(page.rows[0], self._order.columns[0])} if self._is_walked and page.rows else {}
        begins = {name: at for name, at in begins.items() if name not in self.filter_params}
        self.newer_query, self.older_query = self._leads_to(page.previous, begins), self._leads_to(page.next, begins)
        return page.rows

    def _leads_to(self, cursor: Cursor | None, begins: Mapping[str, object]) -> str:
        return self.get_query_string({CURSOR: cursor.written(), **begins}) if cursor else ""

    @property
    def _up_to(self) -> str:
        """The parameter that says where what is looked through begins."""
        return f"{self._order.columns[0]}__lte"

    @property
    def is_by_key(self) -> bool:
        """Its pages are of a place in the list, not of a number."""
        return bool(getattr(self.model_admin, "pages_by_key", False))

    @property
    def _order(self) -> Order:
        names: Any = self.model_admin.ordering  # of columns only, as ReadOnlyAdmin says
        return Order.of(names)

    @property
    def newest_query(self) -> str:
        """Leads to the first page."""
        return self.get_query_string(remove=[self._up_to])

    @property
    def all_query(self) -> str:
        """Leads to all rows on one page; "" where they are too many, few enough for one, or there already."""
        is_offered = self.can_show_all and self.multi_page and not self.show_all
        return self.get_query_string({ALL_VAR: ""}) if is_offered else ""

    @property
    def chips(self) -> list[Chip]:
        """All that narrows the list, also what came with a link and no filter offers."""
        found = [self._chip("search", self.query, [SEARCH_VAR])] if self.query else []
        known: set[str] = set()
        for spec in self.filter_specs:
            names = [name for name in spec.expected_parameters() if name]
            known.update(names)
            chosen = [choice for choice in spec.choices(self) if choice["selected"]]
            if chosen and any(name in self.params for name in names):
                found.append(self._chip(str(spec.title), str(chosen[0]["display"]), names))
        others = [name for name in self.filter_params if name not in {*known, *IGNORED_PARAMS, SEARCH_VAR}]
        return found + [
            self._chip(_words(name), ", ".join(map(str, self.filter_params[name])), [name]) for name in others
        ]

    def _chip(self, name: str, value: str, parameters: list[str]) -> Chip:
        return Chip(name, value, self.get_query_string(remove=parameters))


def _words(parameter: str) -> str:
    if parameter.endswith("__lte"):
        return f"{parameter.removesuffix('__lte').replace('_', ' ')} up to"
    return parameter.removesuffix("__exact").removesuffix("__id").replace("_", " ")

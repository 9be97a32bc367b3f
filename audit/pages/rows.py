"""The rows of an admin page: read within a time limit, and each with what other tables say about it."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from audit.pages.limits import in_time

LIMIT_MS = 5000


class TimedList(ChangeList):
    """A page whose rows are read at once, with what its admin adds to them.

    A filter that few rows match may read all of a large table: it is stopped, and the page says so.
    """

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = in_time(lambda: list(self.result_list), ms=LIMIT_MS)
        if rows is None:
            messages.warning(request, "This took too long and was stopped. Search by an id, or filter otherwise.")
        # A list, because the template would send the same query again.
        self.result_list = rows or []
        add: Callable[[Sequence[Any]], None] | None = getattr(self.model_admin, "add_to_rows", None)
        if add is not None and rows:
            add(rows)

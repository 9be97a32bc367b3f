"""Pages of an API list: by cursor (audit.pages.keyset)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from audit.pages.keyset import BadCursor, Cursor, Order, Page
from audit.pages.limits import in_time
from audit.rest.filters import parameter
from audit.rest.problems import BadFilter, TooBroad

USUAL, MOST = 50, 100
_DIGITS = 9


class Pages(BasePagination):
    """Rows in the `order` of their view, `limit` a page: 50 unless asked for, at most 100."""

    limit_ms = 5000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows that a request asks for; raises BadFilter for a limit or a cursor that is none, and TooBroad."""
        names = view.get_order()
        order, limit, text = Order.of(names), _limit(request.query_params), request.query_params.get("cursor")
        try:
            cursor = Cursor.read(text, order, queryset.model) if text else None
        except BadCursor as exc:
            raise BadFilter("cursor is one that a list gave in next or previous.") from exc
        page = in_time(lambda: Page.read(queryset.order_by(*names), order, cursor, limit=limit), ms=self.limit_ms)
        if page is None:
            raise TooBroad
        address = remove_query_param(request.build_absolute_uri(), "cursor")
        self._next, self._previous = _link(address, page.next), _link(address, page.previous)
        return page.rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._next, "previous": self._previous, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The form of a page, as OpenAPI says it."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": link | {"description": "The page beyond this one."},
                "previous": link | {"description": "The page before this one."},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, _view: Any) -> list[dict[str, Any]]:
        """The parameters, as OpenAPI says it."""
        count = {"type": "integer", "minimum": 1, "maximum": 10**_DIGITS - 1, "default": USUAL}
        return [
            parameter("limit", f"Rows a page; more than {MOST} are cut to {MOST}.", count),
            parameter("cursor", "Of `next` or `previous`; follow those links rather.", {"type": "string"}),
        ]


def _link(address: str, cursor: Cursor | None) -> str | None:
    return None if cursor is None else str(replace_query_param(address, "cursor", cursor.written()))


def _limit(query: Mapping[str, str]) -> int:
    """How many rows; more than the most are cut to it."""
    text = query.get("limit", str(USUAL))
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) >= 1):
        raise BadFilter(f"limit is a number from 1 to {MOST}.")
    return min(int(text), MOST)

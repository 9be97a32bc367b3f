"""
Pages of an API list: by cursor, so that a page stays the same while new rows arrive.

A cursor names one row by the columns of the list's order, of which the last is unique. A place counted within a time
would not do: all events of one POST, and of POSTs that were stored together, share one time.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db.models import Model, Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from audit.pages.limits import in_time
from audit.rest.filters import parameter
from audit.rest.problems import BadFilter, TooBroad

USUAL, MOST = 50, 100
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Order:
    """The columns that a list is ordered by, all in one direction."""

    columns: tuple[str, ...]
    is_newest_first: bool

    @classmethod
    def of(cls, order: Sequence[str]) -> Self:
        """The order that Django's names with or without a minus say."""
        return cls(tuple(name.removeprefix("-") for name in order), order[0].startswith("-"))

    def names(self, *, is_back: bool) -> list[str]:
        """As Django's order_by wants it."""
        return [f"-{name}" if self.is_newest_first is not is_back else name for name in self.columns]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rows beyond one row, by its values in the order's columns: on the way of the list, or back."""

    values: tuple[Any, ...]
    is_back: bool = False

    @classmethod
    def read(cls, text: str, order: Order, model: type[Model]) -> Self:
        """The cursor of a link; raises BadFilter for anything else."""
        fields: list[Any] = [model._meta.get_field(name) for name in order.columns]
        try:
            way, *told = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
            values = tuple(_whole(field.to_python(value)) for field, value in zip(fields, told, strict=True))
            if way in ("next", "previous"):
                return cls(values, way == "previous")
        except (ValueError, TypeError, OverflowError, RecursionError, ValidationError, binascii.Error):
            pass
        raise BadFilter("cursor is one that a list gave in next or previous.")

    def written(self) -> str:
        """The cursor as it stands in a link."""
        told = [value.isoformat() if isinstance(value, datetime) else str(value) for value in self.values]
        plain = json.dumps(["previous" if self.is_back else "next", *told])
        return base64.urlsafe_b64encode(plain.encode("ascii")).decode("ascii")

    def beyond(self, order: Order) -> Q:
        """The outer half bounds the walk along the index, the inner one settles equal values."""
        after = "lt" if order.is_newest_first is not self.is_back else "gt"
        *before, (last, value) = zip(order.columns, self.values, strict=True)
        condition = Q(**{f"{last}__{after}": value})
        for name, value in reversed(before):
            condition = Q(**{f"{name}__{after}e": value}) & (Q(**{f"{name}__{after}": value}) | condition)
        return condition


class Pages(BasePagination):
    """Rows in the `order` of their view, `limit` a page: 50 unless asked for, at most 100."""

    limit_ms = 5000

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows that a request asks for; raises BadFilter for a limit or a cursor that is none, and TooBroad."""
        self._request, self._order = request, Order.of(view.get_order())
        limit = _limit(request.query_params)
        text = request.query_params.get("cursor")
        cursor = Cursor.read(text, self._order, queryset.model) if text else None
        is_back = cursor is not None and cursor.is_back
        if cursor is not None:
            queryset = queryset.filter(cursor.beyond(self._order))
        asked = queryset.order_by(*self._order.names(is_back=is_back))[: limit + 1]
        rows = in_time(lambda: list(asked), ms=self.limit_ms)
        if rows is None:
            raise TooBroad
        has_more, rows = len(rows) > limit, rows[:limit]
        if is_back:
            rows.reverse()
        came_from = cursor is not None and bool(rows)  # a link led here, so there was a row on that side
        self._next = self._link(rows[-1], is_back=False) if (came_from if is_back else has_more) else None
        self._previous = self._link(rows[0], is_back=True) if (has_more if is_back else came_from) else None
        return rows

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

    def _link(self, row: Model, *, is_back: bool) -> str:
        cursor = Cursor(tuple(getattr(row, name) for name in self._order.columns), is_back)
        address = remove_query_param(self._request.build_absolute_uri(), "cursor")
        return str(replace_query_param(address, "cursor", cursor.written()))


def _whole(value: object) -> object:
    """A value that a row may have, a time in UTC; ValueError where it is none."""
    if value is None or (isinstance(value, datetime) and value.tzinfo is None):
        raise ValueError
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _limit(query: Mapping[str, str]) -> int:
    """How many rows; more than the most are cut to it."""
    text = query.get("limit", str(USUAL))
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and int(text) >= 1):
        raise BadFilter(f"limit is a number from 1 to {MOST}.")
    return min(int(text), MOST)

"""
Pages of a list by cursor: each costs what the first does, and stays the same while new rows arrive.

A cursor names one row by the columns of the list's order, of which the last is unique. A place counted within a time
would not do: all events of one POST, and of POSTs that were stored together, share one time.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet


class BadCursor(ValueError):
    """The cursor is none that this list gave."""


@dataclass(frozen=True, slots=True)
class Order:
    """The columns that a list is ordered by, all in one direction."""

    columns: tuple[str, ...]
    is_newest_first: bool

    @classmethod
    def of(cls, order: Sequence[str]) -> Self:
        """The order that Django's names with or without a minus say."""
        return cls(tuple(name.removeprefix("-") for name in order), order[0].startswith("-"))


@dataclass(frozen=True, slots=True)
class Cursor:
    """The rows beyond one row, by its values in the order's columns: on the way of the list, or back."""

    values: tuple[Any, ...]
    is_back: bool = False

    @classmethod
    def read(cls, text: str, order: Order, model: type[Model]) -> Self:
        """The cursor of a link; raises BadCursor for anything else."""
        fields: list[Any] = [model._meta.get_field(name) for name in order.columns]
        try:
            way, *told = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
            values = tuple(_whole(field.to_python(value)) for field, value in zip(fields, told, strict=True))
            if way in ("next", "previous"):
                return cls(values, way == "previous")
        except (ValueError, TypeError, OverflowError, RecursionError, ValidationError, binascii.Error):
            pass
        raise BadCursor(BadCursor.__doc__)

    @classmethod
    def at(cls, row: Model, order: Order, *, is_back: bool = False) -> Self:
        """Beyond this row."""
        return cls(tuple(getattr(row, name) for name in order.columns), is_back)

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


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of their list. previous, next: where the pages beside it begin; None where there is none."""

    rows: list[Any]
    previous: Cursor | None
    next: Cursor | None

    @classmethod
    def read(cls, listed: QuerySet[Any], order: Order, cursor: Cursor | None, *, limit: int) -> Self:
        """At most `limit` rows of a list that is in the order; one query."""
        is_back = cursor is not None and cursor.is_back
        if cursor is not None:
            listed = listed.filter(cursor.beyond(order))
        rows = list((listed.reverse() if is_back else listed)[: limit + 1])
        has_more, rows = len(rows) > limit, rows[:limit]
        if is_back:
            rows.reverse()
        came_from = cursor is not None and bool(rows)  # a link led here, so there was a row on that side
        has_previous, has_next = (has_more, came_from) if is_back else (came_from, has_more)
        return cls(
            rows,
            previous=Cursor.at(rows[0], order, is_back=True) if has_previous else None,
            next=Cursor.at(rows[-1], order) if has_next else None,
        )


def _whole(value: object) -> object:
    """A value that a row may have, a time in UTC; ValueError where it is none."""
    if value is None or (isinstance(value, datetime) and value.tzinfo is None):
        raise ValueError
    return value.astimezone(UTC) if isinstance(value, datetime) else value

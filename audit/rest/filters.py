"""Filters of an API list, from the query string; a name or value that makes no sense is refused, not ignored."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from audit.rest.problems import BadFilter, UnknownParameter

LONGEST = 255  # characters of a value
OF_EVERY_LIST = ("limit", "cursor")
TIMES = {"since": "from this time on", "until": "before this time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One query parameter of a list.

    column: must equal the value; the parameter's own name unless said. rows: the condition, where it is another.
    choices: the values that there are, where they are few. is_id: the value is a UUID.
    """

    name: str
    means: str
    column: str = ""
    rows: Callable[[str], Q] | None = None
    choices: Collection[str] = ()
    is_id: bool = False

    def condition(self, text: str) -> Q:
        """What must hold of a row; raises BadFilter."""
        value = self._allowed(text)
        return self.rows(value) if self.rows else Q(**{self.column or self.name: value})

    def _allowed(self, text: str) -> str:
        if self.choices and text not in self.choices:
            raise BadFilter(f"{self.name} is one of: {', '.join(self.choices)}.")
        if "\0" in text or len(text) > LONGEST:  # PostgreSQL has no such text
            raise BadFilter(f"{self.name} holds a character that no value has, or more than {LONGEST}.")
        if self.is_id:
            try:
                return str(uuid.UUID(text))
            except ValueError:
                raise BadFilter(f"{self.name} is an id, as 376679d6-c1c1-4f84-9a09-fdedb2cfaafd.") from None
        return text

    @property
    def schema(self) -> dict[str, Any]:
        """The values, as OpenAPI says it."""
        if self.is_id:
            return {"type": "string", "format": "uuid"}
        if self.choices:
            return {"type": "string", "enum": list(self.choices)}
        return {"type": "string", "maxLength": LONGEST, "pattern": r"^[^\u0000]*$"}


class Narrowing(BaseFilterBackend):
    """The rows that a query string asks for, by the `filters` of the view; and by time, where it has `between`."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        query = request.query_params.dict()
        filters: Collection[Filter] = view.filters
        times = tuple(TIMES) if view.time else ()
        refuse_unknown(query, known=(*(each.name for each in filters), *times, *OF_EVERY_LIST))
        wanted = [each.condition(query[each.name]) for each in filters if each.name in query]
        since, until = (_moment(name, query[name]) if name in query else None for name in TIMES)
        if since or until:
            wanted.append(view.between(since, until))
        return queryset.filter(*wanted)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The parameters, as OpenAPI says it."""
        said = [(each.name, each.means, each.schema) for each in view.filters]
        if view.time:
            said += [(name, means, {"type": "string", "format": "date-time"}) for name, means in TIMES.items()]
        return [parameter(name, means, schema) for name, means, schema in said]


def parameter(name: str, means: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter of a query string that may be left out, as OpenAPI says it."""
    return {"name": name, "in": "query", "required": False, "description": means, "schema": schema}


def refuse_unknown(query: Mapping[str, str], *, known: Collection[str]) -> None:
    """Raises UnknownParameter."""
    unknown = [name for name in query if name not in known]
    if unknown:
        raise UnknownParameter(f"Unknown: {', '.join(unknown)}. The parameters of this list: {', '.join(known)}.")


def _moment(name: str, value: str) -> datetime:
    """A time or a date, in UTC where it names no zone."""
    try:
        moment = parse_datetime(value)
        if moment is None and (day := parse_date(value)) is not None:
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
        if moment is not None:
            # PostgreSQL knows no zone that is as far away as some of Python's.
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the form of a time, but the 31st of February, or a year 0
        pass
    raise BadFilter(f"{name} is a time in ISO 8601, such as 2026-01-31T12:00:00Z.")

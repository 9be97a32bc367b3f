"""Filters of an API list, from the query string; a name or value that makes no sense is refused, not ignored."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework import status
from rest_framework.exceptions import APIException

Row = TypeVar("Row", bound=Model)
OF_EVERY_LIST = ("since", "until", "limit", "cursor")


class BadFilter(APIException):
    """A query parameter has a value that it cannot have."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "bad_filter"
    default_detail = "A query parameter has a value that it cannot have."


class UnknownParameter(APIException):
    """A query parameter has a name that the list does not know: ignored, it would show all rows."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "unknown_parameter"
    default_detail = "There is no query parameter of this name."


def narrowed(
    rows: QuerySet[Row],
    query: Mapping[str, str],
    *,
    exactly: Mapping[str, str],
    choices: Mapping[str, Collection[str]],
    time: str,
    beside: Collection[str] = (),
) -> QuerySet[Row]:
    """The rows that a query string asks for.

    exactly: parameter -> column that must equal it. choices: parameter -> the values that it may have.
    time: the column that `since` (inclusive) and `until` (exclusive) are about.
    beside: parameters that the caller reads itself.
    """
    _refuse_unknown(query, known=(*exactly, *beside, *OF_EVERY_LIST))
    wanted: dict[str, object] = {}
    for name, column in exactly.items():
        if name in query:
            wanted[column] = _allowed(name, query[name], choices.get(name))
    if "since" in query:
        wanted[f"{time}__gte"] = _moment("since", query["since"])
    if "until" in query:
        wanted[f"{time}__lt"] = _moment("until", query["until"])
    return rows.filter(**wanted)


def _refuse_unknown(query: Mapping[str, str], *, known: Collection[str]) -> None:
    unknown = [name for name in query if name not in known]
    if unknown:
        raise UnknownParameter(f"Unknown: {', '.join(unknown)}. The parameters of this list: {', '.join(known)}.")


def _allowed(name: str, value: str, choices: Collection[str] | None) -> str:
    if choices is not None and value not in choices:
        raise BadFilter(f"{name} is one of: {', '.join(choices)}.")
    if "\0" in value:  # PostgreSQL has no such text
        raise BadFilter(f"{name} holds a character that no value has.")
    return value


def _moment(name: str, value: str) -> datetime:
    """A time or a date, in UTC where it names no zone."""
    try:
        moment = parse_datetime(value)
        if moment is None and (day := parse_date(value)) is not None:
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:  # the form of a time, but the 31st of February
        moment = None
    if moment is None:
        raise BadFilter(f"{name} is a time in ISO 8601, such as 2026-01-31T12:00:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""Errors of the REST API as RFC 9457 problem documents with a stable code."""

import math
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from psycopg.errors import LockNotAvailable
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audit import correlation

MEDIA_TYPE = "application/problem+json"

# Every code that the API answers, and its status. A test holds the code and docs/api.md against it.
CODES = {
    **dict.fromkeys(
        ("bad_filter", "unknown_parameter", "too_broad", "bad_body", "parse_error", "reason_required"), 400
    ),
    **dict.fromkeys(("empty_filter", "too_many", "bad_idempotency_key"), 400),
    **dict.fromkeys(("not_authenticated", "authentication_failed"), 401),
    "permission_denied": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "not_acceptable": 406,
    **dict.fromkeys(("conflict", "not_open", "not_closed", "refused", "unknown", "busy"), 409),
    **dict.fromkeys(("count_differs", "nothing_to_replay", "until_ahead", "idempotency_key_in_use"), 409),
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "throttled": 429,
    "error": 500,
    "unavailable": 503,
}

# The framework's own titles have blanks to be filled in; the detail says which method or type it was.
_TITLES: dict[type[exceptions.APIException], str] = {
    exceptions.MethodNotAllowed: "Method not allowed.",
    exceptions.UnsupportedMediaType: "Unsupported media type in request.",
}


class BadFilter(exceptions.APIException):
    """A query parameter has a value that it cannot have."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "bad_filter"
    default_detail = "A query parameter has a value that it cannot have."


class UnknownParameter(exceptions.APIException):
    """A query parameter has a name that the list does not know: ignored, it would show all rows."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "unknown_parameter"
    default_detail = "There is no query parameter of this name."


class TooBroad(exceptions.APIException):
    """What was asked for took too long to find; the database was stopped."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "too_broad"
    default_detail = "This took too long to find and was stopped. Narrow it by time, or ask by an id."


class ReasonRequired(exceptions.APIException):
    """An act came without a usable reason."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "reason_required"
    default_detail = 'Say why, as {"reason": "…"}, in 1 to 500 characters: it goes into the audit log.'


class BadBody(exceptions.APIException):
    """The body of a request lacks something, or says something that cannot be."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "bad_body"
    default_detail = "The body of the request is not what it must be."


class BodyTooLarge(exceptions.APIException):
    """The body of a request is longer than any that makes sense."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "The body of the request is too long. Nothing was changed."


class Conflict(exceptions.APIException):
    """What was to be acted on is not in a state that allows it."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "It is not in a state that allows this."


class Busy(exceptions.APIException):
    """A row was held by somebody else for too long."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "busy"
    default_detail = "Nothing was changed: somebody else has it just now. Try again."


class Unavailable(exceptions.APIException):
    """The database is away, or did not answer."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The database does not answer. Try again; an act with an Idempotency-Key is done once."


def problem(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer for an error that a view raised; None lets Django's own handling go on (a bug: 500)."""
    known = _known(exc)
    if known is None:
        return None
    set_rollback()
    code = None if isinstance(known.detail, dict | list) else known.detail.code
    body = document(
        known.status_code,
        code=code or known.default_code,
        title=_TITLES.get(type(known), str(known.default_detail)),
        detail=_sentence(known.detail),
    )
    headers = {}
    if header := getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(known, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    return Response(body, status=known.status_code, headers=headers, content_type=MEDIA_TYPE)


def document(status_code: int, *, code: str, title: str, detail: str) -> dict[str, object]:
    """A problem document about the request that is being answered."""
    return {
        "type": "about:blank",
        "title": title,
        "status": status_code,
        "code": code,
        "detail": detail,
        "correlation_id": correlation.current().correlation_id or None,
    }


def _known(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(exc, OperationalError | InterfaceError):
        return Busy() if isinstance(exc.__cause__, LockNotAvailable) else Unavailable()
    return exc if isinstance(exc, exceptions.APIException) else None


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(f"{name}: {_sentence(value)}" for name, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(value) for value in detail)
    return str(detail)

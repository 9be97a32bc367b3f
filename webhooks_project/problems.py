"""Errors of the REST API as RFC 9457 problem documents with a stable code."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audit import correlation

# The framework's own titles have blanks to be filled in; the detail says which method or type it was.
_TITLES: dict[type[exceptions.APIException], str] = {
    exceptions.MethodNotAllowed: "Method not allowed.",
    exceptions.UnsupportedMediaType: "Unsupported media type in request.",
}


def problem(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer for an error that a view raised; None lets Django's own handling go on (a bug: 500)."""
    known = _known(exc)
    if known is None:
        return None
    set_rollback()
    code = known.default_code if isinstance(known.detail, dict | list) else known.detail.code
    body = {
        "type": "about:blank",
        "title": _TITLES.get(type(known), str(known.default_detail)),
        "status": known.status_code,
        "code": code,
        "detail": _sentence(known.detail),
        "correlation_id": correlation.current().correlation_id or None,
    }
    headers = {}
    if header := getattr(known, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if wait := getattr(known, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(body, status=known.status_code, headers=headers, content_type="application/problem+json")


def _known(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied()
    return exc if isinstance(exc, exceptions.APIException) else None


def _sentence(detail: Any) -> str:
    if isinstance(detail, dict):
        return " ".join(f"{name}: {_sentence(value)}" for name, value in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(value) for value in detail)
    return str(detail)

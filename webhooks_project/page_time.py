"""
How long the database may work on one statement of a page or of the API, so that no click keeps it busy for minutes.

Of the web process alone, and not of the door, whose connections are its own (inbox/line.py).
"""

from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from psycopg.errors import QueryCanceled

LIMIT_MS, LOCK_MS = 5000, 2000  # less for a lock: who waits for a row is told so, and not that it took long


def limit() -> None:
    """From now on each connection that Django opens in this process has the limit."""
    connection_created.connect(_limit, dispatch_uid="page_time")


def _limit(connection: Any, **_: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {LIMIT_MS}; SET lock_timeout = {LOCK_MS}")


def told(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answers the request of a page one of whose statements was stopped with 503, in a sentence."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    middleware.process_exception = _said  # type: ignore[attr-defined]  # asked for by Django
    return middleware


def _said(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    was_stopped = isinstance(exception, OperationalError) and isinstance(exception.__cause__, QueryCanceled)
    if was_stopped and not request.path_info.startswith("/api/"):
        return render(request, "audit/too_long.html", {"title": "This took too long"}, status=503)
    return None

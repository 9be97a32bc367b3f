"""
What Django and the server do around each request, without what a webhook has no use for.

Django looks at each connection of the thread when a request begins, and those of `DOOR` use none: webhooks are written
by inbox/group.py, and probes ask in threads of their own. Granian sends an iterator piece by piece, each another turn
of the thread. Both together took 20 of a webhook's 180 µs.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections, connections, reset_queries
from django.http import HttpResponse

from webhooks_project.middleware import DOOR

log = logging.getLogger(__name__)

_AT_THE_BEGINNING = (reset_queries, close_old_connections)
_thread = threading.local()


def around(django: WSGIHandler) -> Callable[..., Iterable[bytes]]:
    """The handler as the server is to call it."""
    for each in _AT_THE_BEGINNING:
        request_started.disconnect(each)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        # A webhook's too where a page came to this thread before, till what that opened is too old.
        may_connect = not environ["PATH_INFO"].startswith(DOOR) or getattr(_thread, "may_be_connected", False)
        if may_connect:
            _thread.may_be_connected = True
            for each in _AT_THE_BEGINNING:
                each()
        response = django(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response  # a stream, or a file that the server sends by itself
        body = [response.content]
        _end(response)
        if may_connect:
            _thread.may_be_connected = any(each.connection for each in connections.all(initialized_only=True))
        return body

    return application


def _end(response: HttpResponse) -> None:
    """Before the answer is sent: what fails here must not take its place."""
    try:
        response.close()
    except Exception as exc:  # noqa: BLE001 (any receiver's of Django's signal)
        log.error("request.end_failed", extra={"error_class": type(exc).__name__})

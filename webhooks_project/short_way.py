"""
What Django and the server do around each request, without what a webhook has no use for.

Django looks at each connection of the thread when a request begins, and a webhook's has none (inbox/group.py). Granian
sends an iterator piece by piece, each another turn of the thread. Both together took 20 of a webhook's 180 µs.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries
from django.http import HttpResponse

from webhooks_project.middleware import DOOR

_AT_THE_BEGINNING = (reset_queries, close_old_connections)


def around(django: WSGIHandler) -> Callable[..., Iterable[bytes]]:
    """The handler as the server is to call it."""
    for each in _AT_THE_BEGINNING:
        request_started.disconnect(each)

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith(DOOR):
            for each in _AT_THE_BEGINNING:
                each()
        response = django(environ, start_response)
        if not isinstance(response, HttpResponse):
            return response  # a stream, or a file that the server sends by itself
        try:
            return [response.content]
        finally:
            response.close()

    return application

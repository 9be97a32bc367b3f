"""What stands before the views: a short way for webhooks, probes and scrapers, the usual rest for people."""

import contextlib
from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import resolve

from audit import correlation
from audit.pages import marks

Next = Callable[[HttpRequest], HttpResponseBase]

DOOR = ("/webhooks/", "/healthz", "/readyz", "/metrics")
# Where webhooks come to are a few addresses; whatever else is asked for pushes out only what is like it.
_resolved = lru_cache(maxsize=64)(partial(resolve, urlconf="webhooks_project.door_urls"))
HEADER = "X-Correlation-ID"


def door_first(get_response: Next) -> Next:
    """Calls webhooks and probes at once: no session, no redirect to https, nothing that could slow or lose them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(DOOR):
            match = _resolved(request.path_info)
            return match.func(request, *match.args, **match.kwargs)  # type: ignore[no-any-return]
        return get_response(request)

    return middleware


def client_address(get_response: Next) -> Next:
    """Takes the client's address from the proxy that PROXY_ADDRESS_HEADER trusts: all would have the proxy's own."""
    name: str = settings.PROXY_ADDRESS_HEADER

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with contextlib.suppress(ValueError):  # none was given, or it is no address
            request.META["REMOTE_ADDR"] = str(ip_address(request.META.get(name, "").rpartition(",")[2].strip()))
        return get_response(request)

    return middleware if name else get_response


def all_visible(get_response: Next) -> Next:
    """Pages show what somebody else wrote as it is: no mark in it is unseen, or turns the words of the page around.

    Of whole pages, because such a text may stand in any list, title, sentence or message.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponse) and response.headers.get("Content-Type", "").startswith("text/html"):
            response.content = marks.visible(response.content.decode(response.charset)).encode(response.charset)
        return response

    return middleware


def correlate(get_response: Next) -> Next:
    """Gives each request of a person or of the API its correlation id."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        own = given if correlation.well_formed(given) else correlation.new()
        with correlation.bind(correlation_id=own):
            response = get_response(request)
        if isinstance(response, HttpResponse):
            response.headers[HEADER] = own
        return response

    return middleware

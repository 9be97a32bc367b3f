"""/metrics of the web process: what all of its processes counted, and how the whole stands."""

import logging

from django.http import HttpRequest, HttpResponse

from instagram_webhooks.conf import conf
from instagram_webhooks.metrics import answer

log = logging.getLogger(__name__)


def metrics(request: HttpRequest) -> HttpResponse:
    """For Prometheus, with METRICS_TOKEN as bearer; 404 where there is none."""
    token = conf().metrics_token
    if not token:
        return HttpResponse(status=404)
    if not answer.is_allowed(request.META.get("HTTP_AUTHORIZATION", ""), token):
        log.warning("scrape.refused", extra={"status": 401})
        return HttpResponse(status=401, headers={"WWW-Authenticate": answer.CHALLENGE})
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    from instagram_webhooks.desk import gauges  # who only takes webhooks asks for no figures

    body, content_type = answer.text(gauges.readings(), accept=request.META.get("HTTP_ACCEPT", ""))
    return HttpResponse(body, content_type=content_type)

"""The addresses of webhooks and probes. By themselves, so that a process that only takes webhooks loads no page."""

from django.urls import include, path

from webhooks_project import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("webhooks/", include("instagram_webhooks.urls")),
]

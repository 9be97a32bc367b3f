"""
The addresses of webhooks, probes and scrapers. By themselves, so that a process that only takes webhooks loads no page.
"""

from django.urls import include, path

from webhooks_project import health
from webhooks_project.scrape import metrics

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path("webhooks/", include("instagram_webhooks.urls")),
]

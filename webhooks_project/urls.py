"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from webhooks_project import kept
from webhooks_project.api_docs import Description, Reading
from webhooks_project.nowhere import Nowhere

handler500 = "webhooks_project.nowhere.failed"
urlpatterns = [
    path("", include("webhooks_project.door_urls")),
    path("api/v1/", include("instagram_webhooks.desk.api_urls")),
    path("api/v1/", include("dead_letters.urls")),
    path("api/v1/", include("audit.urls")),
    path("api/v1/schema/", Description.as_view(), name="api-description"),
    path("api/v1/docs/", Reading.as_view(), name="api-docs"),
    re_path(r"^api/v1(?:/|$)", Nowhere.as_view()),
    path("admin/", admin.site.urls),
    # For people: a webhook that is sent here by mistake is told so.
    path("", RedirectView.as_view(pattern_name="admin:index", http_method_names=["get", "head"])),
]

kept.keep()  # the first page loads all pages

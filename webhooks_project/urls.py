"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path, re_path

from webhooks_project.nowhere import Nowhere

urlpatterns = [
    path("", include("webhooks_project.door_urls")),
    path("api/v1/", include("instagram_webhooks.desk.api_urls")),
    path("api/v1/", include("dead_letters.urls")),
    re_path(r"^api/v1(?:/|$)", Nowhere.as_view()),
    path("admin/", admin.site.urls),
]

"""Where Meta posts to; with or without a trailing slash."""

from django.urls import path

from instagram_webhooks.door.views import webhook

urlpatterns = [path("<str:name>", webhook), path("<str:name>/", webhook)]

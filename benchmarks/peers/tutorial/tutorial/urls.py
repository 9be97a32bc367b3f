"""The webhook, and an address that tells whether the server is up."""

from django.urls import path
from inbox.views import Hello, Webhook

urlpatterns = [path("webhooks/instagram", Webhook.as_view()), path("hello", Hello.as_view())]

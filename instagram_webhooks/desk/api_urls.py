"""The addresses of events in the REST API."""

from django.urls import path

from instagram_webhooks.desk.api import EventDetail, EventList

urlpatterns = [
    path("events/", EventList.as_view(), name="event-list"),
    path("events/<uuid:event_id>/", EventDetail.as_view(), name="event-detail"),
]

"""The addresses of events and accounts in the REST API."""

from django.urls import path

from instagram_webhooks.desk.api import EventDetail, EventList, Trace
from instagram_webhooks.desk.api_accounts import (
    AccountDetail,
    AccountList,
    AccountPause,
    AccountRelease,
    AccountResume,
)

urlpatterns = [
    path("events/", EventList.as_view(), name="event-list"),
    path("events/<uuid:event_id>/", EventDetail.as_view(), name="event-detail"),
    path("trace/", Trace.as_view(), name="trace"),
    path("accounts/", AccountList.as_view(), name="account-list"),
    path("accounts/<uuid:pk>/", AccountDetail.as_view(), name="account-detail"),
    path("accounts/<uuid:pk>/release/", AccountRelease.as_view(), name="account-release"),
    path("accounts/<uuid:pk>/pause/", AccountPause.as_view(), name="account-pause"),
    path("accounts/<uuid:pk>/resume/", AccountResume.as_view(), name="account-resume"),
]

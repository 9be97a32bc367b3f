"""The API's path of the audit log, to be mounted where the API is."""

from django.urls import path

from audit.api import AuditList

urlpatterns = [path("audit/", AuditList.as_view(), name="audit-list")]

"""Pages of any API list."""

import pytest
from django.db import models
from django.test import RequestFactory
from rest_framework.request import Request

from audit.columns import ClockTimestamp
from audit.models import AuditEntry
from audit.rest.pages import Pages
from audit.rest.problems import BadFilter, TooBroad


class Hasty(Pages):
    limit_ms = 50


class Sleep(models.Func):
    function = "pg_sleep"
    output_field = models.CharField()


class View:
    def get_order(self):
        return ("-id",)


@pytest.mark.django_db
def test_a_page_that_takes_too_long_is_stopped_and_the_connection_goes_on():
    AuditEntry.objects.create(action="event.failed")
    request = Request(RequestFactory().get("/"))
    slow = AuditEntry.objects.annotate(slept=Sleep(10))

    with pytest.raises(TooBroad):
        Hasty().paginate_queryset(slow, request, View())

    quick = AuditEntry.objects.annotate(now=ClockTimestamp())
    assert len(Hasty().paginate_queryset(quick, request, View())) == 1


@pytest.mark.django_db
def test_a_cursor_that_no_list_gave_is_a_bad_filter():
    request = Request(RequestFactory().get("/", {"cursor": "none"}))

    with pytest.raises(BadFilter):
        Pages().paginate_queryset(AuditEntry.objects.all(), request, View())

"""Pages of any API list."""

import json
import uuid
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from django.db import models
from django.test import RequestFactory
from rest_framework.request import Request

from audit.columns import ClockTimestamp
from audit.models import AuditEntry
from audit.rest.pages import Cursor, Order, Pages
from audit.rest.problems import BadFilter, TooBroad
from dead_letters.models import DeadLetter, ReplayItem

ID = uuid.UUID("376679d6-c1c1-4f84-9a09-fdedb2cfaafd")


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


def written(*parts, base64=True):
    plain = json.dumps(parts)
    return urlsafe_b64encode(plain.encode()).decode() if base64 else plain


@pytest.mark.parametrize(
    "cursor",
    [
        written("next"),
        written("next", "2026-03-01T09:00:00Z"),
        written("sideways", "2026-03-01T09:00:00Z", str(ID)),
        written("next", "2026-03-01T09:00:00", str(ID)),
        written("next", "0001-01-01T00:00:00+23:59", str(ID)),
        written("next", "2026-03-01T09:00:00Z", None),
        written("next", "2026-03-01T09:00:00Z", [str(ID)]),
        written("next", "2026-03-01T09:00:00Z", str(ID), 1),
        written("next", "2026-03-01T09:00:00Z", str(ID), base64=False),
        urlsafe_b64encode(b"5").decode(),
        urlsafe_b64encode(b"[" * 100_000).decode()[:60_000],
        "é",
    ],
)
def test_a_cursor_that_no_list_gave_is_refused(cursor):
    with pytest.raises(BadFilter):
        Cursor.read(cursor, Order.of(("-created_at", "-id")), DeadLetter)


@pytest.mark.parametrize("place", ["Infinity", "1e400", '"x"', "null", "[]", "1" * 5000])
def test_a_place_that_is_none_is_refused(place):
    cursor = urlsafe_b64encode(f'["next", {place}]'.encode()).decode()

    with pytest.raises(BadFilter):
        Cursor.read(cursor, Order.of(("place",)), ReplayItem)


def test_a_cursor_in_a_far_zone_is_the_same_time_in_utc():
    cursor = Cursor.read(
        written("previous", "2026-03-01T09:00:00+23:59", str(ID)), Order.of(("-at", "-id")), AuditEntry
    )

    assert cursor.values == (datetime(2026, 2, 28, 9, 1, tzinfo=UTC), ID)
    assert cursor.is_back

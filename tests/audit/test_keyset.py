"""Cursors: a place in a list, whatever arrives meanwhile."""

import json
import uuid
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import pytest

from audit.models import AuditEntry
from audit.pages.keyset import BadCursor, Cursor, Order, Page
from dead_letters.models import DeadLetter, ReplayItem

ID = uuid.UUID("376679d6-c1c1-4f84-9a09-fdedb2cfaafd")


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
    with pytest.raises(BadCursor):
        Cursor.read(cursor, Order.of(("-created_at", "-id")), DeadLetter)


@pytest.mark.parametrize("place", ["Infinity", "1e400", '"x"', "null", "[]", "1" * 5000])
def test_a_place_that_is_none_is_refused(place):
    cursor = urlsafe_b64encode(f'["next", {place}]'.encode()).decode()

    with pytest.raises(BadCursor):
        Cursor.read(cursor, Order.of(("place",)), ReplayItem)


def test_a_cursor_in_a_far_zone_is_the_same_time_in_utc():
    cursor = Cursor.read(
        written("previous", "2026-03-01T09:00:00+23:59", str(ID)), Order.of(("-at", "-id")), AuditEntry
    )

    assert cursor.values == (datetime(2026, 2, 28, 9, 1, tzinfo=UTC), ID)
    assert cursor.is_back


@pytest.mark.django_db
def test_pages_there_and_back_hold_each_row_once_though_new_ones_come():
    """All have one time or another of two: the id settles what the time does not."""
    order, names = Order.of(("-attempt", "-id")), ("-attempt", "-id")
    ids = [AuditEntry.objects.create(action="event.failed", attempt=n // 4).pk for n in range(7)]
    listed = AuditEntry.objects.order_by(*names)
    expected = [row.pk for row in listed]

    there, cursor = [], None
    while True:
        page = Page.read(listed, order, cursor, limit=3)
        there.append([row.pk for row in page.rows])
        AuditEntry.objects.create(action="event.failed", attempt=9)
        if page.next is None:
            break
        cursor = Cursor.read(page.next.written(), order, AuditEntry)

    assert [key for rows in there for key in rows] == expected
    assert [len(rows) for rows in there] == [3, 3, 1]
    assert set(expected) == set(ids)
    back = Page.read(listed, order, page.previous, limit=3)
    assert [row.pk for row in back.rows] == there[1]
    assert [row.pk for row in Page.read(listed, order, back.previous, limit=3).rows] == there[0]

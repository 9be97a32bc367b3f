"""The binary form of an array means to PostgreSQL what it means here."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from instagram_webhooks.inbox.arrays import array, take_arrays
from instagram_webhooks.inbox.line import executed


def read_back(kind, values):
    connection.ensure_connection()
    take_arrays(connection.connection)
    return executed(connection.connection, f"SELECT %(it)s::{kind}[]", {"it": array(kind, values)}, prepare=False)[0][0]


class TestTexts(TestCase):
    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
    def test_any_text_comes_back_as_it_was(self, values):
        assert read_back("text", values) == values

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.none() | st.binary()))
    def test_any_bytes_come_back_as_they_were(self, values):
        assert [each if each is None else bytes(each) for each in read_back("bytea", values)] == values


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("uuid", [uuid.uuid5(uuid.NAMESPACE_URL, "x"), None]),
        ("smallint", [1, None, 32767]),
        ("int", [-1, None, 2**31 - 1]),
        ("uuid", []),
        ("timestamptz", [datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC), None]),
        ("timestamptz", [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)]),
        ("timestamptz", [datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))]),
        ("text", ["", "NULL", "{", ",", '"', "\\"]),
    ],
)
def test_every_type_of_the_inbox_comes_back_as_it_was(kind, values):
    assert read_back(kind, values) == values

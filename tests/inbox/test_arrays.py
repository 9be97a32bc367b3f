"""The text form of an array means to PostgreSQL what it means here."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from instagram_webhooks.inbox.arrays import array_literal


def read_back(kind, values):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT %s::{kind}[]", [array_literal(values)])
        return cursor.fetchone()[0]


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
        ("timestamptz", [datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC), None]),
        ("text", ["", "NULL", "{", ",", '"', "\\"]),
        ("text", ["a", 'b","c']),
        ("text", ['"', ""]),
        ("text", ["\\", "a"]),
        ("text", ["a\\"]),
    ],
)
def test_every_type_of_the_inbox_comes_back_as_it_was(kind, values):
    assert read_back(kind, values) == values

"""Indexes that are added to tables in use: an upgrade that was ended half-way is run again."""

import pytest
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.usefixtures("own_database")
ADDED = ("audit_by_people", "audit_by_person")


def setting(name):
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return cursor.fetchone()[0]


def built():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")
        return {name for (name,) in cursor.fetchall()} & set(ADDED)


def test_what_an_ended_build_left_behind_is_in_no_way():
    waits = setting("lock_timeout")
    call_command("migrate", "audit", "0002", verbosity=0)
    assert built() == set()
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {ADDED[0]} ON audit_auditentry (at)")

    call_command("migrate", verbosity=0)

    assert built() == set(ADDED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [ADDED[0]])
        assert "(id)" in cursor.fetchone()[0]
    assert setting("lock_timeout") == waits

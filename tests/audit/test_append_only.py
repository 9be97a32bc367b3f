"""The audit log: written with the act, refused to change, and closed to free text."""

import uuid

import pgtrigger
import pytest
from django.db import DatabaseError, connection, transaction

import audit
from audit.ids import uuid7
from audit.models import AuditEntry

pytestmark = pytest.mark.django_db


def an_entry(**telling):
    return audit.Entry(**({"action": "event.processed", "subject_id": uuid7()} | telling))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_auditentry SET action = 'event.failed'",
        "DELETE FROM audit_auditentry",
        "TRUNCATE audit_auditentry",
    ],
)
def test_the_database_refuses_to_change_the_log(change):
    audit.record("event.processed", subject_id=uuid7())

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change)

    assert AuditEntry.objects.filter(action="event.processed").count() == 1


def test_the_way_around_triggers_that_any_session_could_take_is_closed():
    audit.record("event.processed", subject_id=uuid7())

    with (
        pgtrigger.ignore("audit.AuditEntry:audit_append_only"),
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
    ):
        AuditEntry.objects.all().delete()


def test_an_entry_vanishes_with_the_act_it_tells_of():
    subject = uuid7()

    with transaction.atomic():
        audit.record("event.processed", subject_id=subject)
        transaction.set_rollback(True)

    assert not AuditEntry.objects.filter(subject_id=subject).exists()


def test_an_entry_holds_all_that_was_recorded():
    subject, other = uuid7(), uuid7()

    audit.record(
        "dead_letter.replayed",
        subject_id=subject,
        provider="instagram",
        correlation_id="abc.1",
        actor="anna",
        attempt=3,
        detail={
            "dead_letter": other,
            "codes": [100, 2018278],
            "late": False,
            "age_s": 1.5,
            "code": "graph_refused",
        },
        reason="the token was renewed",
    )

    entry = AuditEntry.objects.get(subject_id=subject)
    assert (entry.action, entry.provider, entry.correlation_id) == (
        "dead_letter.replayed",
        "instagram",
        "abc.1",
    )
    assert (entry.actor, entry.attempt, entry.reason) == ("anna", 3, "the token was renewed")
    assert entry.detail["dead_letter"] == str(other)
    assert entry.detail["codes"] == [100, 2018278]
    assert entry.at.tzinfo is not None


def test_an_entry_knows_the_transaction_that_wrote_it():
    subject = uuid7()
    audit.record("event.processed", subject_id=subject)

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        (current,) = cursor.fetchone()

    assert AuditEntry.objects.get(subject_id=subject).xid == int(current)
    assert AuditEntry.objects.filter(xid=int(current), subject_id=subject).exists()


def test_many_entries_are_one_statement_in_their_order(django_assert_num_queries):
    subject = uuid7()

    with django_assert_num_queries(1):
        audit.record_many([an_entry(subject_id=subject, attempt=n) for n in (1, 2, None)])

    written = AuditEntry.objects.filter(subject_id=subject).order_by("at")
    assert list(written.values_list("attempt", flat=True)) == [1, 2, None]


def test_no_entries_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        audit.record_many([])


@pytest.mark.parametrize(
    "value",
    [
        "Hello, my name is Canary",
        "ø",
        "x" * 129,
        float("nan"),
        {"nested": 1},
        [["nested"]],
        b"bytes",
        object(),
        ["fine", "not fine"],
    ],
)
def test_a_detail_that_could_be_free_text_is_refused_without_being_quoted(value):
    with pytest.raises(ValueError, match=r"^note: ") as refusal:
        audit.record("event.processed", subject_id=None, detail={"note": value})

    assert "Canary" not in str(refusal.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "Event processed"},
        {"action": "a" * 65},
        {"provider": "a provider"},
        {"correlation_id": "c" * 97},
        {"actor": ""},
        {"reason": "r" * 501},
        {"detail": {"a key": 1}},
    ],
)
def test_an_entry_of_the_wrong_shape_is_refused_before_the_database_is_asked(wrong):
    with pytest.raises(ValueError, match=r"."):
        an_entry(**wrong)


def test_a_rare_action_is_found_by_its_own_index_and_a_timeline_by_another():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        by_action = _plan(cursor, AuditEntry.objects.filter(action="lease.lost").order_by("-id")[:50])
        timeline = _plan(cursor, AuditEntry.objects.filter(subject_id=uuid.uuid4()).order_by("at"))

    assert "audit_rare_action" in by_action
    assert "audit_subject_timeline" in timeline
    assert "Sort" not in timeline


def _plan(cursor, rows):
    sql, params = rows.query.sql_with_params()
    cursor.execute(f"EXPLAIN {sql}", params)
    return "\n".join(line for (line,) in cursor.fetchall())

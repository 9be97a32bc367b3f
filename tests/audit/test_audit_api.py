"""The audit log over REST."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

import audit
from audit.api import AuditList
from audit.ids import uuid7
from audit.models import AuditEntry
from tests.rest.asking import asking, get, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor():
    return asking("audit.view_auditentry")


def entry(action="event.failed", **telling):
    audit.record(action, subject_id=telling.pop("subject_id", uuid7()), **telling)
    return AuditEntry.objects.latest("id")


def found(client, **query):
    return [each["id"] for each in get(client, "audit/", **query).json()["results"]]


def test_an_entry_is_shown_whole(auditor):
    subject = uuid7()
    entry(subject_id=subject, provider="instagram", correlation_id="req.1", actor="anna", attempt=2,
          detail={"code": "bug"}, reason="r")  # fmt: skip

    (shown,) = get(auditor, "audit/").json()["results"]

    assert shown.pop("id")
    assert shown.pop("at").endswith("Z")
    assert shown == {
        "action": "event.failed",
        "subject_id": str(subject),
        "provider": "instagram",
        "correlation_id": "req.1",
        "actor": "anna",
        "attempt": 2,
        "detail": {"code": "bug"},
        "reason": "r",
    }


@pytest.mark.parametrize("narrow", [{}, {"subject": "x"}, {"action": "event.failed"}])
def test_pages_walk_all_entries_newest_first_and_back(auditor, narrow):
    subject = uuid7()
    ids = [str(entry(subject_id=subject).pk) for _ in range(5)]
    narrow = {"subject": str(subject)} if "subject" in narrow else narrow
    first = get(auditor, "audit/", limit=2, **narrow).json()
    second = auditor.get(first["next"], secure=True).json()
    third = auditor.get(second["next"], secure=True).json()

    walked = [each["id"] for page in (first, second, third) for each in page["results"]]

    assert walked == ids[::-1]
    assert third["next"] is None
    assert auditor.get(second["previous"], secure=True).json()["results"] == first["results"]


def test_each_filter_shows_only_what_it_names(auditor):
    subject = uuid7()
    wanted = str(entry("account.parked", subject_id=subject, correlation_id="req.1").pk)
    entry(correlation_id="req.2")

    for query in ({"subject": str(subject)}, {"action": "account.parked"}, {"correlation_id": "req.1"}):
        assert found(auditor, **query) == [wanted], query
    assert found(auditor, subject=str(subject), action="event.failed") == []


def test_since_is_inclusive_and_until_is_not(auditor):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    millis = int(noon.timestamp() * 1000)
    # The clock that made the id was five minutes ahead of the database's.
    made = uuid.UUID(int=(millis + 300_000) << 80 | 7 << 76 | 2 << 62)
    AuditEntry.objects.create(pk=made, at=noon, action="event.failed")
    entry()

    assert found(auditor, since="2026-01-01T12:00:00Z", until="2026-01-01T12:00:01Z") == [str(made)]
    assert found(auditor, until="2026-01-01T12:00:00Z") == []
    assert len(found(auditor, since="2026-01-01T12:00:00.000001Z")) == 1
    assert len(found(auditor, since="0001-01-01", until="9999-12-31")) == 2


@pytest.mark.parametrize(
    ("query", "code"),
    [({"attempt": "1"}, "unknown_parameter"), ({"subject": "x"}, "bad_filter"), ({"since": "x"}, "bad_filter")],
)
def test_what_no_index_serves_and_what_makes_no_sense_is_refused(auditor, query, code):
    assert problem(get(auditor, "audit/", **query)) == (400, code)


def test_each_list_walks_the_index_of_what_it_is_narrowed_by():
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_auditentry (id, action, subject_id, correlation_id, detail)"
                       " SELECT gen_random_uuid(), 'event.processed', gen_random_uuid(), 'req.' || n, '{}'"
                       " FROM generate_series(1, 3000) n")  # fmt: skip
        cursor.execute("ANALYZE audit_auditentry")

    for index, order, narrowed in (
        ("audit_auditentry_pkey", ["-id"], {}),
        ("audit_rare_action", ["-id"], {"action": "event.failed"}),
        ("audit_subject_timeline", ["-at", "-id"], {"subject_id": uuid7()}),
        ("audit_correlation", ["-id"], {"correlation_id": "req.1"}),
    ):
        plan = AuditEntry.objects.filter(**narrowed).order_by(*order)[:51].explain()
        assert index in plan
        assert "Seq Scan" not in plan


def test_a_span_of_time_is_bounded_by_the_ids_of_it():
    view, now = AuditList(), timezone.now()

    plan = AuditEntry.objects.filter(view.between(now - timedelta(hours=1), now)).order_by("-id")[:51].explain()

    assert "id >=" in plan
    assert "id <" in plan


def test_what_a_person_did_is_found_by_name(auditor):
    mine = entry(actor="anna")
    system = entry()

    assert found(auditor, actor="anna") == [str(mine.pk)]
    assert found(auditor, actor="system") == [str(system.pk)]
    assert found(auditor, actor="nobody") == []

"""The audit log in the admin: exact search, capped counts, nothing to change."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import path

import audit
from audit.ids import uuid7
from audit.models import AuditEntry
from audit.pages.lists import CAP, CappedPaginator

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [path("admin/", admin.site.urls)]
LIST = "/admin/audit/auditentry/"


@pytest.fixture
def ops(client):
    user = User.objects.create_user("ops", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_auditentry"))
    client.force_login(user)
    return client


def found(client, **query):
    page = client.get(LIST, query, secure=True)
    assert page.status_code == 200
    return {entry.subject_id for entry in page.context["cl"].result_list}


def test_a_subject_and_a_correlation_id_are_found_exactly(ops):
    subject, other = uuid7(), uuid7()
    audit.record("event.processed", subject_id=subject, correlation_id="req.1")
    audit.record("event.processed", subject_id=other, correlation_id="req.10")

    assert found(ops, q=str(subject)) == {subject}
    assert found(ops, q="req.1") == {subject}
    assert found(ops, q="what is this") == set()


def test_the_list_is_filtered_by_action_and_provider(ops):
    subject, other = uuid7(), uuid7()
    audit.record("event.failed", subject_id=subject, provider="whatsapp")
    audit.record("event.processed", subject_id=other, provider="instagram")

    assert found(ops, action="event.failed") == {subject}
    assert found(ops, provider="instagram") == {other}


def test_nobody_can_add_change_or_delete_an_entry(admin_client):
    audit.record("event.processed", subject_id=uuid7())
    entry = AuditEntry.objects.exclude(action="person.logged_in").get()

    shown = admin_client.get(f"{LIST}{entry.pk}/change/", secure=True)

    assert shown.status_code == 200
    assert b'name="_save"' not in shown.content
    assert admin_client.get(f"{LIST}add/", secure=True).status_code == 403
    assert admin_client.post(f"{LIST}{entry.pk}/change/", {"action": "x"}, secure=True).status_code == 403
    assert admin_client.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403


def test_no_filter_counts_its_rows(ops):
    assert b"_facets" not in ops.get(LIST, secure=True).content


def test_a_count_stops_at_the_cap_and_says_so(ops):
    audit.record_many([audit.Entry(action="event.ignored", subject_id=None) for _ in range(CAP + 5)])

    with CaptureQueriesContext(connection) as queries:
        count = CappedPaginator(AuditEntry.objects.order_by("-id"), 50).count

    assert (int(count), str(count)) == (CAP, "10,000+")
    assert any(f"LIMIT {CAP + 1})" in query["sql"] for query in queries)
    assert "10,000+ audit log" in ops.get(LIST, secure=True).content.decode()


def test_a_count_within_the_cap_is_exact():
    audit.record_many([audit.Entry(action="event.ignored", subject_id=None) for _ in range(3)])

    assert str(CappedPaginator(AuditEntry.objects.order_by("-id"), 50).count) == "3"


def test_a_slow_count_is_given_up():
    audit.record("event.ignored", subject_id=None)
    slow = AuditEntry.objects.order_by("-id").extra(where=["pg_sleep(1) IS NOT NULL"])

    count = CappedPaginator(slow, 50).count

    assert str(count) == "10,000+"


def test_a_count_leaves_no_time_limit_behind():
    assert CappedPaginator(AuditEntry.objects.order_by("-id"), 50).count == 0

    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() != ("200ms",)

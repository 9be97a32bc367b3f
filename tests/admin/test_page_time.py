"""No page keeps the database busy for long, and one that was stopped says so."""

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from instagram_webhooks.models import WebhookEvent
from tests.admin.pages import EVENTS, words
from tests.desk.builders import an_event
from webhooks_project import page_time

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def limited():
    page_time.limit()
    connection.close()
    yield
    connection_created.disconnect(dispatch_uid="page_time")
    connection.close()


def test_a_connection_of_the_web_process_has_a_limit_of_five_seconds(limited):
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("5s",)


def test_a_page_that_was_stopped_says_so_and_is_no_error_of_ours(login, limited, monkeypatch):
    monkeypatch.setattr(page_time, "LIMIT_MS", 100)
    connection.close()
    client = login("view_webhookevent")
    slow = "pg_sleep(2) IS NOT NULL"
    monkeypatch.setattr(
        "instagram_webhooks.desk.admin_events.EventAdmin.get_queryset",
        lambda *_: WebhookEvent.objects.extra(where=[slow]),
    )
    event = an_event()

    page = client.get(f"{EVENTS}{event.pk}/change/", secure=True)

    assert page.status_code == 503
    assert "took too long for this page and was stopped" in words(page)

"""Alerts in the admin: what goes on first, whom it was told, and a test of the ways to tell."""

import pytest
from django.core import mail
from django.utils import timezone

from audit.models import AuditEntry
from instagram_webhooks.alarms import incidents
from instagram_webhooks.models import Incident
from tests.admin.conftest import login  # noqa: F401 (a fixture)
from tests.admin.pages import inline_code, said, shown
from tests.alarms.conftest import Chat, stopped

pytestmark = pytest.mark.django_db
ALERTS = "/admin/instagram_webhooks/incident/"
TEST = f"{ALERTS}test/"


@pytest.fixture
def ops(login):  # noqa: F811
    return login("view_incident", "test_alert", "view_account")


def test_what_goes_on_stands_before_what_is_over(ops):
    stopped("@over")
    stopped()
    stopped("@first")
    stopped("@first", "@last")

    page = shown(ops, ALERTS)

    assert page.index("@last") < page.index("@first") < page.index("@over")
    assert "● open" in page
    assert "✓ over" in page


def test_it_says_whom_it_was_told_and_that_a_try_failed(ops):
    stopped("@told", "@tried", "@new")
    Incident.objects.filter(key="@told").update(mailed_at=timezone.now(), posted_at=timezone.now())
    incidents.tried(Incident.objects.filter(key="@tried"))

    page = shown(ops, ALERTS)

    assert "by mail, to the webhook" in page
    assert page.count("the last try failed") == 1


def test_filters_show_what_goes_on_and_one_kind(ops):
    stopped("@over")
    stopped("@open")

    assert "@over" not in shown(ops, ALERTS, state="open")
    assert "@open" not in shown(ops, ALERTS, state="over")
    assert "@open" not in shown(ops, ALERTS, kind="no_worker")


def test_a_test_alert_goes_every_way_and_says_in_words_what_became_of_it(ops, settings):
    settings.ADMINS = [("ops", "ops@example.org")]
    with Chat(404) as chat:
        settings.ALERT_WEBHOOK_URL = chat.url
        page = ops.post(TEST, secure=True, follow=True)

    assert said(page) == ["E-mail to 1 address: taken.", "The webhook: its address answered 404."]
    assert b"secret-of-the-chat" not in page.content
    assert len(chat.got) == len(mail.outbox) == 1
    entry = AuditEntry.objects.get(action="alert.tested")
    assert (entry.actor, entry.detail) == ("anna", {"mail": "taken", "post": "failed"})


def test_a_double_click_sends_one_test(ops, settings):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [("ops", "ops@example.org")], ""
    ops.post(TEST, secure=True)

    page = ops.post(TEST, secure=True, follow=True)

    assert said(page)[-1:] == ["A test alert was sent a moment ago; nothing more was sent."]
    assert len(mail.outbox) == 1


def test_where_nothing_answers_the_error_names_no_address(ops, settings):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], "http://127.0.0.1:1/secret-of-the-chat"

    page = ops.post(TEST, secure=True, follow=True)

    assert said(page) == ["The webhook: nothing answered at its address (ConnectionError)."]


def test_where_nobody_is_to_be_told_it_says_what_to_set(ops, settings):
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = [], ""

    page = ops.post(TEST, secure=True, follow=True)

    assert said(page) == ["Nothing was sent: set ALERT_EMAILS, ALERT_WEBHOOK_URL or both, and restart."]


def test_a_test_is_a_post_and_asks_for_its_right(ops, client):
    assert ops.get(TEST, secure=True).status_code == 405
    assert not mail.outbox


def test_who_may_only_look_sees_no_button(login):  # noqa: F811
    viewer = login("view_incident")

    assert "Send a test alert" not in shown(viewer, ALERTS)
    assert viewer.post(TEST, secure=True).status_code == 403


def test_the_list_runs_no_code_of_its_own_and_an_alert_leads_to_its_page(ops):
    stopped("@shop")

    assert inline_code(ops.get(ALERTS, secure=True).content.decode()) == []
    alert = Incident.objects.get()
    assert "/admin/instagram_webhooks/account/@shop/change/" in ops.get(ALERTS, secure=True).content.decode()
    led = ops.get(f"{ALERTS}{alert.pk}/change/", secure=True)
    assert led.url == "/admin/instagram_webhooks/account/@shop/change/"


def test_no_link_leads_to_a_page_that_is_refused(login):  # noqa: F811
    stopped("@shop")
    viewer = login("view_incident")

    assert "/instagram_webhooks/account/" not in viewer.get(ALERTS, secure=True).content.decode()
    assert viewer.get(f"{ALERTS}{Incident.objects.get().pk}/change/", secure=True).url == ALERTS

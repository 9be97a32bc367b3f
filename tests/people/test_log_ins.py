"""Log-ins: wrong ones are limited, and neither the limit nor what is kept of them tells who is known here."""

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from audit.models import AuditEntry
from tests.admin.pages import words

pytestmark = pytest.mark.django_db
LOGIN, PASSWORD = "/admin/login/", "correct horse battery"


@pytest.fixture
def anna():
    return User.objects.create_superuser("anna", password=PASSWORD)


def log_in(client, name, password):
    return client.post(LOGIN, {"username": name, "password": password}, secure=True)


def log_in_wrongly(client, name):
    return [log_in(client, name, "wrong").status_code for _ in range(settings.AXES_FAILURE_LIMIT)]


def test_after_ten_wrong_passwords_the_right_one_is_refused_with_a_sentence(client, anna):
    assert log_in_wrongly(client, "anna") == [200] * 9 + [429]

    refused = log_in(client, "anna", PASSWORD)

    assert refused.status_code == 429
    assert "Wait a quarter of an hour" in words(refused)
    assert "sessionid" not in refused.cookies


def test_a_right_password_forgets_the_wrong_ones(client, anna):
    for _ in range(3):
        for _ in range(5):
            log_in(client, "anna", "wrong")
        assert log_in(client, "anna", PASSWORD).status_code == 302


def test_who_is_locked_out_at_one_address_gets_in_from_another(client, anna):
    log_in_wrongly(client, "anna")

    client.defaults["REMOTE_ADDR"] = "192.0.2.7"

    assert log_in(client, "anna", PASSWORD).status_code == 302


def test_an_unknown_name_is_locked_out_like_a_known_one_and_is_not_kept(client, anna):
    assert log_in_wrongly(client, "a password typed as a name") == [200] * 9 + [429]

    for attempt in AccessAttempt.objects.all():
        assert "password typed" not in " ".join(map(str, vars(attempt).values()))


def test_log_ins_log_outs_and_locks_are_audited(client, anna):
    log_in(client, "anna", PASSWORD)
    client.post("/admin/logout/", secure=True)
    log_in_wrongly(client, "anna")
    log_in_wrongly(client, "nobody here")

    entries = AuditEntry.objects.filter(action__startswith="person.").order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("person.logged_in", "anna"),
        ("person.logged_out", "anna"),
        ("person.locked_out", "system"),
    ]


def test_a_lock_that_goes_on_is_audited_once(client, anna):
    log_in_wrongly(client, "anna")
    for _ in range(5):
        assert log_in(client, "anna", "wrong").status_code == 429

    assert AuditEntry.objects.filter(action="person.locked_out").count() == 1


def test_the_address_is_the_client_s_where_a_trusted_proxy_names_it(anna, settings):
    settings.PROXY_ADDRESS_HEADER = "HTTP_X_REAL_IP"
    near, far = (Client(headers={"X-Real-IP": address}) for address in ("192.0.2.7", "198.51.100.9, 192.0.2.8"))
    log_in_wrongly(near, "anna")

    assert log_in(near, "anna", PASSWORD).status_code == 429
    assert log_in(far, "anna", PASSWORD).status_code == 302
    assert set(AccessAttempt.objects.values_list("ip_address", flat=True)) == {"192.0.2.7"}


def test_an_address_that_nobody_trusted_names_is_not_believed(client, anna):
    for n in range(settings.AXES_FAILURE_LIMIT):
        data = {"username": "anna", "password": "wrong"}
        client.post(LOGIN, data, secure=True, headers={"X-Real-IP": f"192.0.2.{n}"})

    assert log_in(client, "anna", PASSWORD).status_code == 429


def test_the_api_is_not_hindered_by_wrong_log_ins(client, anna):
    log_in_wrongly(client, "anna")

    assert client.get("/api/v1/events/", secure=True).status_code == 401

"""Tokens and ignored events from the command line."""

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from audit.models import AuditEntry
from instagram_webhooks.models import WebhookEvent
from tests.desk.builders import an_event, at, with_payload
from tests.desk.shell import called, manage

COMMANDS = (
    "trace", "create_api_token", "sweep", "replay_ignored", "try_policy", "send_sample_webhook",
)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example(name):
    from django.core.management import get_commands, load_command_class

    command = load_command_class(get_commands()[name], name)

    assert f"Example: manage.py {name} " in command.create_parser("manage.py", name).format_help()


def test_wrong_usage_exits_with_2_and_a_failure_with_1_in_one_sentence():
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}

    wrong, failed = manage("trace", "x", "--no-such-option"), manage("trace", "x", **nowhere)

    assert wrong.returncode == 2
    assert "unrecognized arguments" in wrong.stderr
    assert failed.returncode == 1
    assert failed.stderr == (
        "CommandError: The database does not answer: check DATABASE_URL and that PostgreSQL runs.\n"
    )


# --- create_api_token ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_token_and_nothing_else_is_printed_and_it_opens_the_api():
    User.objects.create_user("anna")

    out, _, code = called("create_api_token", "anna", "--days", "2")

    client = APIClient(headers={"Authorization": f"Token {out.strip()}"})
    assert (code, len(out.split())) == (0, 1)
    assert client.get("/api/v1/events/", secure=True).status_code == 200
    assert (AuthToken.objects.get().expiry - timezone.now()).total_seconds() == pytest.approx(2 * 86400, abs=60)


@pytest.mark.django_db
def test_a_token_is_good_for_90_days_unless_told():
    User.objects.create_user("anna")

    called("create_api_token", "anna")

    assert (AuthToken.objects.get().expiry - timezone.now()).days in (89, 90)


@pytest.mark.django_db
def test_a_token_is_audited_without_a_part_of_it():
    user = User.objects.create_user("anna")

    out, _, _ = called("create_api_token", "anna")

    entry = AuditEntry.objects.get(action="api_token.created")
    assert entry.detail == {"user_id": user.pk, "days": 90}
    assert out[:8] not in str(entry.detail)


@pytest.mark.django_db
def test_who_may_not_log_in_gets_no_token():
    User.objects.create_user("gone", is_active=False)

    unknown, inactive = called("create_api_token", "nobody"), called("create_api_token", "gone")

    assert unknown[2] == inactive[2] == 1
    assert "no user of this name" in unknown[1]
    assert "set it active" in inactive[1]
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("days", ["0", "x"])
def test_a_token_that_is_good_for_no_sensible_time_is_wrong_usage(days):
    run = manage("create_api_token", "anna", "--days", days)

    assert run.returncode == 2
    assert run.stderr.endswith(f"argument --days: a whole number from 1 to 3650 is wanted, not '{days}'\n")


@pytest.mark.parametrize("day", ["tomorrow", "2027-02-30"])
def test_a_day_that_is_none_is_answered_with_what_one_looks_like(day):
    _, said, _ = called("connect_instagram", "--expires", day)

    assert said == f"Error: argument --expires: a day such as 2027-01-31 is wanted, not '{day}'"


# --- replay_ignored ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_ignored_events_of_that_reason_and_kind_go_back_oldest_first():
    newer = with_payload(an_event(state="ignored", kind="comment", order_at=at(2)))
    older = with_payload(an_event(state="ignored", kind="comment", order_at=at(1)))
    others = [
        with_payload(an_event(state="ignored", kind="mention")),
        with_payload(an_event(state="ignored", kind="comment", reason="expired")),
        an_event(state="ignored", kind="comment"),
    ]

    out, _, code = called("replay_ignored", "--reason", "no_handler", "--kind", "comment", "--why", "a handler came")

    assert (out, code) == ("2 events went back to work.\n", 0)
    again = WebhookEvent.objects.filter(state="received").order_by("order_at")
    assert [event.pk for event in again] == [older.pk, newer.pk]
    assert WebhookEvent.objects.filter(pk__in=[event.pk for event in others], state="ignored").count() == 3
    assert set(AuditEntry.objects.values_list("action", "actor", "reason")) == {
        ("event.replayed", "manage.py", "a handler came")
    }


@pytest.mark.django_db
def test_more_than_one_batch_keeps_the_order(monkeypatch):
    from instagram_webhooks.management.commands import replay_ignored

    monkeypatch.setattr(replay_ignored, "AT_ONCE", 2)
    events = [with_payload(an_event(state="ignored", order_at=at(n))) for n in range(5)]

    out, _, _ = called("replay_ignored", "--reason", "no_handler", "--why", "a handler came")

    assert out.startswith("5 ")
    assert [event.pk for event in WebhookEvent.objects.order_by("order_at")] == [event.pk for event in events]


@pytest.mark.django_db
def test_replaying_nothing_is_a_failure():
    an_event(state="processed")

    out, said, code = called("replay_ignored", "--reason", "no_handler", "--why", "a handler came")

    assert (out, code) == ("", 1)
    assert "No ignored event matches" in said


@pytest.mark.django_db
def test_one_event_is_told_of_as_one():
    with_payload(an_event(state="ignored"))

    assert called("replay_ignored", "--reason", "no_handler", "--why", "r")[0] == "1 event went back to work.\n"


@pytest.mark.parametrize("why", ["", "  ", "x" * 501, "a\0b"])
def test_a_replay_needs_a_reason_that_the_audit_log_can_hold(why):
    _, said, _ = called("replay_ignored", "--reason", "no_handler", "--why", why)

    assert said == "Error: argument --why: say why in 1 to 500 characters; it goes into the audit log"

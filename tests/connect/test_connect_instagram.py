"""Connecting a first account from the command line, with and without questions."""

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit.models import AuditEntry
from instagram_webhooks.inbox import moves
from instagram_webhooks.models import Account, AccountState, WebhookEvent
from instagram_webhooks.worker import work
from simulator.world import app_scoped
from tests.builders import ACCOUNT, TOKEN, a_message, an_account, knobs, stored

pytestmark = pytest.mark.usefixtures("own_database")
CHECKOUT = Path(__file__).resolve().parents[2]


def test_an_account_is_connected_without_a_question(graph, run, token_file):
    (event,) = stored(a_message("m-1"))
    moves.park(event.pk, "unknown_account")

    done = run("--account-id", ACCOUNT, "--token-file", token_file, "--yes", "--expires", "2100-01-01")

    assert (done.code, done.questions) == (0, [])
    account = Account.objects.get()
    assert (account.token(), account.label, account.state) == (TOKEN, "@invented_shop", AccountState.ACTIVE)
    assert account.token_expires_at == datetime(2100, 1, 1, tzinfo=UTC)
    assert "1 parked event is back at work" in done.out
    assert WebhookEvent.objects.get().state == "received"
    acts = AuditEntry.objects.filter(action__startswith="account.").order_by("id").values_list("action", "actor")
    assert list(acts) == [("account.connected", "manage.py"), ("account.released", "manage.py")]


def test_with_yes_it_subscribes_to_what_is_missing_and_keeps_what_was_there(graph, run, token_file):
    from instagram_webhooks.desk import connection

    to = connection.destination(ACCOUNT, TOKEN)
    connection.subscribe(to, ["story_insights"], wanted=("messages",))

    done = run("--token-file", token_file, "--yes")

    assert done.code == 0
    assert set(connection.subscribed_fields(to)) == {"story_insights", *connection.FIELDS}
    assert "✓ Subscription: 11 fields" in done.out


def test_the_token_stands_nowhere_in_what_is_said(graph, run, token_file, caplog):
    caplog.set_level("DEBUG")

    done = run("--token-file", token_file, "--yes")
    refused = run("--check", "--account-id", "17841400000000077")

    assert TOKEN not in done.out + done.error + refused.out + refused.error
    assert TOKEN not in caplog.text


def test_the_id_of_the_app_is_told_from_the_id_of_the_webhooks(graph, run, token_file):
    done = run("--account-id", app_scoped(ACCOUNT), "--token-file", token_file, "--yes")

    assert done.code == 1
    assert f"which no webhook carries; entry.id is {ACCOUNT}" in done.out
    assert not Account.objects.exists()


def test_a_token_of_another_account_is_refused(graph, run, token_file):
    done = run("--account-id", "17841400000000077", "--token-file", token_file, "--yes")

    assert done.code == 1
    assert f"the token speaks for {ACCOUNT}, not for 17841400000000077" in done.out
    assert not Account.objects.exists()


def test_a_token_that_meta_refuses_is_not_stored(graph, run, tmp_path):
    wrong = tmp_path / "token"
    wrong.write_text("IGsome-other-token")

    done = run("--token-file", wrong, "--yes")

    assert done.code == 1
    assert "✕ Token: Meta refuses the token (code 190)" in done.out
    assert not Account.objects.exists()


def test_meta_out_of_reach_is_said_so(run, token_file):
    with knobs(graph_api_url="http://127.0.0.1:9"):
        done = run("--token-file", token_file, "--yes")

    assert done.code == 1
    assert "✕ Token: the Graph API cannot be reached" in done.out


def test_questions_lead_through_everything(graph, run):
    done = run("--wait", "0", answers=["", TOKEN, "", "n", "y"])

    assert [question.split(" (")[0].split("?")[0] for question in done.questions] == [
        "Public address of this service, https://…",
        "Access token",
        "Account id, as webhooks carry it",
        "Refresh the token now",
        "Meta does not send all that this service handles. Subscribe to it now",
    ]
    assert done.code == 0
    assert Account.objects.get().token() == TOKEN


def test_the_wrong_id_can_be_put_right_in_the_dialogue(graph, run):
    done = run("--account-id", app_scoped(ACCOUNT), "--wait", "0", answers=["", TOKEN, "y", "n", "n"])

    assert Account.objects.get().account_id == ACCOUNT
    assert done.code == 1  # nothing is subscribed yet
    assert "✕ Subscription: none" in done.out


def test_connecting_again_takes_the_new_token_and_keeps_the_label(graph, run, token_file):
    account = an_account(label="@mine", state=AccountState.TOKEN)
    account.set_token("IGold")
    account.save()

    done = run("--token-file", token_file, "--yes")

    account.refresh_from_db()
    assert (done.code, account.token(), account.label, account.state) == (
        0,
        TOKEN,
        "@mine",
        AccountState.ACTIVE,
    )
    assert AuditEntry.objects.filter(action="account.token_changed").count() == 1


def test_without_a_token_or_a_terminal_the_usage_is_wrong(run, tmp_path):
    missing = run("--account-id", ACCOUNT)
    unreadable = run("--token-file", tmp_path / "none")
    no_id = run("--account-id", "my shop", "--token-file", tmp_path / "none")

    assert (missing.code, unreadable.code, no_id.code) == (2, 2, 2)
    assert "--token-file" in missing.error


def test_the_first_message_is_awaited_and_its_story_told(graph, run, token_file):
    def write():
        try:
            (event,) = stored(a_message("m-first", text="canary words"))
            work.process(event.pk)
        finally:
            from django.db import connection

            connection.close()

    customer = threading.Timer(0.5, write)
    customer.start()
    done = run("--token-file", token_file, "--yes", "--wait", "20")
    customer.join()

    assert done.code == 0
    assert "Now write a message to @invented_shop" in done.out
    assert "message " in done.out
    assert "reply.sent" in done.out
    assert "canary" not in done.out


def test_no_message_in_time_is_a_failure_that_names_the_usual_reasons(graph, run, token_file):
    done = run("--token-file", token_file, "--yes", "--wait", "1")

    assert done.code == 1
    assert "✕ First message: none within 1 s." in done.out
    assert "the app is not Live" in " ".join(done.out.split())
    assert Account.objects.exists()


def test_ctrl_c_ends_the_waiting_politely(own_database, graph, token_file):
    names = {"DATABASE_URL": own_database, "GRAPH_API_URL": graph.url, "PYTHONUNBUFFERED": "1"}
    command = [
        sys.executable,
        "manage.py",
        "connect_instagram",
        "--yes",
        "--wait",
        "60",
        "--token-file",
        token_file,
    ]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=os.environ | names,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    line = next(line for line in process.stdout if "Waiting 60 s" in line)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=30)

    assert "@invented_shop" in line
    assert "No longer waiting. The account is connected." in said
    assert (process.returncode, "Traceback" in errors) == (0, False)


def test_ctrl_c_at_a_question_stops_and_stores_nothing(graph, run):
    done = run(answers=["", KeyboardInterrupt])

    assert done.code == 0
    assert "Stopped." in done.out
    assert not Account.objects.exists()


def test_an_event_of_another_account_gives_the_hint_that_helps(graph, run, token_file):
    def write():
        try:
            (event,) = stored(a_message("m-1", recipient="17841400000000077"), account="17841400000000077")
            moves.park(event.pk, "unknown_account")
        finally:
            from django.db import connection

            connection.close()

    customer = threading.Timer(0.3, write)
    customer.start()
    done = run("--token-file", token_file, "--yes", "--wait", "2")
    customer.join()

    assert done.out.count("An event came for account 17841400000000077, which is not connected") == 1


# --- only checks -----------------------------------------------------------------------------------


def subscribed():
    from instagram_webhooks.desk import connection

    connection.subscribe(connection.destination(ACCOUNT, TOKEN), [])


def test_check_is_quiet_about_a_good_account_and_changes_nothing(graph, run):
    an_account(token_expires_at=datetime.now(UTC) + timedelta(days=40))
    subscribed()

    done = run("--check")

    assert (done.code, done.questions) == (0, [])
    assert "✕" not in done.out
    assert not AuditEntry.objects.exists()
    assert [call.method for call in graph.calls()][1:] == ["GET", "GET"]


@pytest.mark.parametrize(
    ("telling", "said"),
    [
        ({"token_expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "✕ Token expiry: it ran out at 2026-01-01"),
        ({"state": AccountState.TOKEN}, "✕ State: needs a new token"),
    ],
)
def test_check_fails_for_an_account_that_cannot_work(graph, run, telling, said):
    an_account(**telling)
    subscribed()

    done = run("--check")

    assert done.code == 1
    assert said in done.out
    assert done.error.startswith("1 check says ✕")


def test_check_warns_before_a_token_runs_out(graph, run):
    an_account(token_expires_at=datetime.now(UTC) + timedelta(days=3, hours=1))
    subscribed()

    done = run("--check")

    assert done.code == 0
    assert "◐ Token expiry" in done.out
    assert "in 3 days" in done.out


def test_check_says_that_a_token_cannot_be_opened_and_goes_on_to_the_next_account(graph, run):
    an_account(account_id="1", label="@first")
    Account.objects.update(sealed_token=b"\x03old" + b"0" * 40)
    an_account()
    subscribed()

    done = run("--check")

    assert done.code == 1
    assert "✕ Token: the stored one cannot be opened" in done.out
    assert "✓ Token: Meta takes it." in done.out


def test_a_new_token_takes_the_place_of_one_that_cannot_be_opened(graph, run, token_file):
    account = an_account()
    Account.objects.update(sealed_token=b"\x03old" + b"0" * 40)

    run("--token-file", token_file, "--yes")

    account.refresh_from_db()
    assert account.token()


def test_check_without_an_account_fails(graph, run):
    assert run("--check").code == 1


def test_check_names_missing_secrets_and_says_which_kinds_there_are(run):
    nothing = {"instagram": (), "facebook": (), "whatsapp": ()}
    with knobs(app_secrets=nothing, verify_tokens={"instagram": "", "facebook": "", "whatsapp": ""}):
        done = run("--check")

    assert done.code == 1
    assert "✕ App secrets: none is set" in done.out
    assert "Meta app secret" in " ".join(done.out.split())
    assert "Instagram app secret" in " ".join(done.out.split())
    assert "✕ Verify token" in done.out


def test_help_shows_examples_and_exit_codes():
    command = [sys.executable, "manage.py", "connect_instagram", "--help"]
    said = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout

    assert "manage.py connect_instagram --check" in said
    assert "Exit code 0" in said

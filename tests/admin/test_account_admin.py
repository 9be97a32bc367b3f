"""Accounts in the admin: tokens are written and never read, and what waits goes back to work."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from audit.ids import uuid7
from audit.models import AuditEntry
from instagram_webhooks.inbox import arrivals, moves
from instagram_webhooks.models import Account, AccountState, WebhookEvent
from tests.admin.pages import ACCOUNTS, found, inline_code, said, shown, words
from tests.builders import ACCOUNT, TOKEN, a_message, an_account, stored

pytestmark = pytest.mark.usefixtures("own_database")
NEW = "IGnew-canary-token"


@pytest.fixture
def ops(login):
    return login("view_account", "add_account", "change_account", "act_on_account")


def parked(reason, *items):
    """Events that wait for their account."""
    events = stored(*(items or (a_message(f"m-{uuid7()}"),)))
    for event in events:
        assert moves.park(event.pk, reason)
    return events


def save(client, account=None, **fields):
    data = {
        "provider": "instagram",
        "account_id": ACCOUNT,
        "label": "@shop",
        "replies": "on",
        "new_token": "",
    }
    address = f"{ACCOUNTS}{account.pk}/change/" if account else f"{ACCOUNTS}add/"
    data |= {name: value for name, value in fields.items() if value is not None}
    return client.post(address, data, secure=True, follow=True)


def state_of(*events):
    rows = WebhookEvent.objects.in_bulk([event.pk for event in events])
    return [rows[event.pk].state for event in events]


def acts():
    about = AuditEntry.objects.filter(action__startswith="account.").order_by("id")
    return list(about.values_list("action", "actor"))


def test_a_new_account_is_stored_sealed_and_frees_the_events_that_waited_for_it(ops):
    events = parked("unknown_account", a_message("m-1"), a_message("m-2"))

    page = save(ops, new_token=NEW)

    account = Account.objects.get()
    assert (account.token(), account.label, account.state) == (NEW, "@shop", AccountState.ACTIVE)
    assert NEW.encode() not in bytes(account.sealed_token)
    assert state_of(*events) == ["received", "received"]
    assert acts() == [("account.connected", "anna"), ("account.released", "anna")]
    assert "@shop is active; 2 parked events are back at work." in said(page)


def test_a_new_token_makes_the_account_active_and_frees_its_events(ops):
    account = an_account(state=AccountState.TOKEN, paused_until=datetime.now(UTC) + timedelta(hours=1))
    (event,) = parked("token")

    save(ops, account, new_token=NEW)

    account.refresh_from_db()
    assert (account.state, account.paused_until, account.token()) == (AccountState.ACTIVE, None, NEW)
    assert state_of(event) == ["received"]
    assert acts() == [("account.token_changed", "anna"), ("account.released", "anna")]


def test_the_date_of_the_old_token_is_not_kept_for_a_new_one(ops):
    runs_out = datetime(2026, 12, 24, 12, tzinfo=UTC)
    account = an_account(token_expires_at=runs_out)
    dated = {"token_expires_at_0": "2026-12-24", "token_expires_at_1": "12:00:00"}

    save(ops, account, **dated)
    account.refresh_from_db()
    assert account.token_expires_at == runs_out
    save(ops, account, new_token=NEW, **dated)

    account.refresh_from_db()
    assert account.token_expires_at is None


@pytest.mark.parametrize(
    ("provider", "named"),
    [("instagram", "/me?fields=user_id"), ("facebook", "id of the Page"), ("whatsapp", "metadata.phone_number_id")],
)
def test_which_id_is_wanted_is_said_of_the_chosen_provider_alone(ops, provider, named):
    ids = ("/me?fields=user_id", "id of the Page", "metadata.phone_number_id")
    of_any, of_this = shown(ops, f"{ACCOUNTS}add/"), shown(ops, f"{ACCOUNTS}add/", provider=provider, account_id="42")

    assert [each for each in ids if each in of_any] == list(ids)
    assert [each for each in ids if each in of_this] == [named]


def test_a_token_can_only_be_kept_where_one_is_stored(ops):
    kept = "Leave it empty to keep the one that is stored"
    account = an_account()

    assert kept in shown(ops, f"{ACCOUNTS}{account.pk}/change/")
    assert kept not in shown(ops, f"{ACCOUNTS}add/")
    Account.objects.update(sealed_token=b"")
    assert kept not in shown(ops, f"{ACCOUNTS}{account.pk}/change/")


def test_no_page_and_no_log_shows_a_token(ops, caplog):
    account = an_account()
    caplog.set_level("DEBUG")

    pages = [
        ops.get(f"{ACCOUNTS}{account.pk}/change/", secure=True),
        ops.get(ACCOUNTS, secure=True),
        save(ops, account, new_token=f"{NEW} with blanks"),
        save(ops, account, new_token=NEW),
        ops.get(f"{ACCOUNTS}{account.pk}/history/", secure=True),
    ]

    for page in pages:
        assert NEW not in page.content.decode()
        assert TOKEN not in page.content.decode()
    assert NEW not in caplog.text
    assert "A token has no blanks" in words(pages[2])


def test_an_empty_token_field_keeps_the_token_and_frees_nothing(ops):
    account = an_account(state=AccountState.TOKEN)
    (event,) = parked("token")

    save(ops, account, label="@other")

    account.refresh_from_db()
    assert (account.token(), account.label, account.state) == (TOKEN, "@other", AccountState.TOKEN)
    assert state_of(event) == ["parked"]
    assert acts() == [("account.changed", "anna")]


def test_switching_replies_is_audited_with_who_did_it(ops):
    account = an_account()

    save(ops, account, replies="off")
    save(ops, account, replies="shadow")
    save(ops, account, replies="on")

    assert acts() == [
        ("account.replies_off", "anna"),
        ("account.replies_shadow", "anna"),
        ("account.replies_on", "anna"),
    ]
    account.refresh_from_db()
    assert account.replies == "on"


def test_saving_leaves_alone_what_a_worker_changed_meanwhile(ops):
    account = an_account()
    Account.objects.update(paused_until=datetime(2100, 1, 1, tzinfo=UTC))
    stale = Account.objects.get()
    Account.objects.update(state=AccountState.BLOCKED)
    stale.label = "@other"

    from instagram_webhooks.desk import accounts

    accounts.save(stale, changed=["label"], actor="anna")

    account.refresh_from_db()
    assert (account.label, account.state) == ("@other", AccountState.BLOCKED)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "Enter the token, or switch replies off"),
        ({"new_token": "two words"}, "A token has no blanks"),
        ({"new_token": NEW, "account_id": "the shop"}, "An id has no blanks"),
    ],
)
def test_a_new_account_that_cannot_work_is_refused_with_a_reason(ops, fields, why):
    page = save(ops, **fields)

    assert why in words(page)
    assert not Account.objects.exists()


def test_the_same_account_is_not_connected_twice(ops):
    an_account()

    page = save(ops, new_token=NEW)

    assert "This account is connected already" in words(page)
    assert Account.objects.get().token() == TOKEN


def test_an_account_that_only_listens_needs_no_token(ops):
    save(ops, replies="off")

    assert Account.objects.get().replies == "off"
    assert acts()[:2] == [("account.connected", "anna"), ("account.replies_off", "anna")]


def test_the_ids_of_a_known_account_cannot_be_changed(ops):
    account = an_account()

    save(ops, account, account_id="17841400000000077", provider="facebook")

    account.refresh_from_db()
    assert (account.provider, account.account_id) == ("instagram", ACCOUNT)


def test_nobody_can_delete_an_account(admin_client):
    account = an_account()

    assert admin_client.post(f"{ACCOUNTS}{account.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403
    assert b"delete_selected" not in admin_client.get(ACCOUNTS, secure=True).content


def test_release_asks_for_a_reason_first_and_then_frees_the_events(ops):
    account = an_account(state=AccountState.BLOCKED)
    (event,) = parked("blocked")

    asked = ops.post(
        ACCOUNTS, {"action": "release_chosen", "_selected_action": [str(account.pk)]}, secure=True
    ).content.decode()
    assert state_of(event) == ["parked"]
    ids = re.findall(r'name="id" value="([^"]+)"', asked)
    empty = ops.post(f"{ACCOUNTS}release/", {"id": ids, "reason": " "}, secure=True)
    assert state_of(event) == ["parked"]
    assert empty.context["form"].errors
    page = ops.post(f"{ACCOUNTS}release/", {"id": ids, "reason": "block lifted"}, secure=True, follow=True)

    assert state_of(event) == ["received"]
    assert said(page) == ["@shop is active; 1 parked event is back at work."]
    entry = AuditEntry.objects.get(action="account.released")
    assert (entry.actor, entry.reason) == ("anna", "block lifted")


def test_accounts_that_have_left_the_list_meanwhile_are_said_to_and_nothing_is_asked(ops):
    account = an_account()

    chosen = {"action": "release_chosen", "_selected_action": [str(account.pk)]}
    page = ops.post(f"{ACCOUNTS}?state__exact=token", chosen, secure=True, follow=True)

    assert said(page) == ["Nothing was changed: what you chose is not in this list any more."]
    assert "cl" in page.context


def test_looking_at_the_release_page_releases_nothing(ops):
    account = an_account(state=AccountState.BLOCKED)
    (event,) = parked("blocked")

    ops.get(f"{ACCOUNTS}release/", {"id": str(account.pk), "reason": "by a link"}, secure=True)

    assert state_of(event) == ["parked"]


def test_who_may_only_look_can_release_nothing(login):
    account = an_account(state=AccountState.BLOCKED)
    reader = login("view_account")

    assert b"release" not in reader.get(f"{ACCOUNTS}{account.pk}/change/", secure=True).content
    assert b"release_chosen" not in reader.get(ACCOUNTS, secure=True).content
    answer = reader.post(f"{ACCOUNTS}release/", {"id": str(account.pk), "reason": "r"}, secure=True)
    assert answer.status_code == 403


@pytest.mark.parametrize("ids", [[], ["no-id"]])
def test_a_release_of_nothing_known_is_not_found(ops, ids):
    assert ops.post(f"{ACCOUNTS}release/", {"id": ids, "reason": "r"}, secure=True).status_code == 404


def test_the_list_says_how_each_account_stands_and_how_much_waits_for_it(ops):
    an_account(state=AccountState.TOKEN, token_expires_at=datetime.now(UTC) + timedelta(days=43, hours=1))
    parked("token", a_message("m-1"), a_message("m-2"))

    page = shown(ops, ACCOUNTS)

    assert "‖ needs a new token" in page
    assert "‖ 2" in page
    assert "in 43 d" in page


def test_the_last_webhook_is_noted_by_upkeep_and_shown(ops):
    an_account()
    assert "none yet" in shown(ops, ACCOUNTS)
    stored(a_message("m-1"))

    assert arrivals.note() == 1
    assert arrivals.note() == 0

    assert "none yet" not in shown(ops, ACCOUNTS)


def test_the_list_names_accounts_that_events_wait_for_and_offers_to_connect_them(ops):
    assert "Events wait for" not in shown(ops, ACCOUNTS)
    parked("unknown_account")

    page = ops.get(ACCOUNTS, secure=True)

    assert "Events wait for an account that is not connected" in words(page)
    assert f"?provider=instagram&amp;account_id={ACCOUNT}" in page.content.decode()


def test_the_list_is_filtered_by_state_and_searched_by_label_or_whole_id(ops):
    shop = an_account()
    blocked = an_account(account_id="17841400000000077", label="@cafe", state=AccountState.BLOCKED)

    assert found(ops, ACCOUNTS, state__exact="blocked") == [blocked.pk]
    assert found(ops, ACCOUNTS, q="CAF") == [blocked.pk]
    assert found(ops, ACCOUNTS, q=ACCOUNT) == [shop.pk]


def test_no_page_of_accounts_runs_inline_code(ops):
    account = an_account(state=AccountState.TOKEN)
    parked("token")

    for address in (
        ACCOUNTS,
        f"{ACCOUNTS}add/",
        f"{ACCOUNTS}{account.pk}/change/",
        f"{ACCOUNTS}release/?id={account.pk}",
    ):
        assert inline_code(ops.get(address, secure=True).content.decode()) == []


def test_a_label_holds_nothing_that_does_not_show(ops):
    page = save(ops, label="shop\u200f", new_token=NEW)

    assert "a character that shows nothing" in words(page)
    assert not Account.objects.exists()

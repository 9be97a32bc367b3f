"""What a person does to one account from its page: pause, resume, test; each by POST, by right, and audited."""

import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from instagram_webhooks.desk import account_acts, connection
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.replies import by_hand
from simulator.graph import GraphSimulator
from tests.admin.pages import ACCOUNTS, inline_code, said, shown, words
from tests.builders import ACCOUNT, TOKEN, an_account, knobs

pytestmark = pytest.mark.django_db
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def ops(login):
    return login("view_account", "act_on_account", "change_account")


@pytest.fixture
def shop():
    return an_account()


@pytest.fixture
def graph():
    with GraphSimulator({ACCOUNT: TOKEN}) as simulator, knobs(graph_api_url=simulator.url):
        yield simulator


def address(account, act):
    return f"{ACCOUNTS}{account.pk}/{act}/"


def done(client, account, act, **given):
    return client.post(address(account, act), given, secure=True, follow=True)


def acts():
    about = AuditEntry.objects.filter(action__startswith="account.").order_by("id")
    return list(about.values_list("action", "actor", "reason"))


def test_a_pause_asks_for_a_reason_and_says_until_when(ops, shop):
    asked = ops.get(address(shop, "pause"), secure=True)
    empty = done(ops, shop, "pause", hours="4", reason=" ")
    odd = done(ops, shop, "pause", hours="9999", reason="r")
    shop.refresh_from_db()
    assert (shop.hand_paused_until, acts()) == (None, [])
    assert "What is not sent within 24 hours" in words(asked)
    assert empty.context["form"].errors
    assert odd.context["form"].errors

    page = done(ops, shop, "pause", hours="4", reason="maintenance")

    shop.refresh_from_db()
    assert timedelta(hours=3) < shop.hand_paused_until - timezone.now() <= timedelta(hours=4)
    assert said(page) == [f"@shop is paused until {shop.hand_paused_until:%Y-%m-%d %H:%M} UTC."]
    assert "anna: maintenance" in words(page)
    assert "‖ paused by hand" in shown(ops, ACCOUNTS)
    assert acts() == [("account.paused", "anna", "maintenance")]


def test_a_second_click_pauses_and_resumes_no_second_time(ops, shop):
    for _ in range(2):
        paused = done(ops, shop, "pause", hours="1", reason="r")
    for _ in range(2):
        resumed = done(ops, shop, "resume", reason="r")

    assert said(paused)[0].startswith("Nothing was changed: @shop is paused for as long already.")
    assert said(resumed) == ["Nothing was changed: @shop is not paused."]
    assert [act for act, *_ in acts()] == ["account.paused", "account.resumed"]


def test_a_pause_that_failures_made_is_ended_by_a_person_too(ops, shop):
    Account.objects.update(paused_until=timezone.now() + timedelta(minutes=5), unknown_in_a_row=4)

    page = done(ops, shop, "resume", reason="Meta is back")

    shop.refresh_from_db()
    assert (shop.paused_until, shop.unknown_in_a_row) == (None, 4)
    assert said(page) == ["@shop is paused no longer; what waited goes out soon."]


def test_resume_is_offered_only_where_something_is_paused(ops, shop):
    page = f"{ACCOUNTS}{shop.pk}/change/"
    assert "Resume…" not in shown(ops, page)

    by_hand.pause(shop, hours=1, actor="anna", reason="r")

    assert "Resume…" in shown(ops, page)


def test_a_new_token_ends_no_pause_by_hand(ops, shop):
    by_hand.pause(shop, hours=1, actor="anna", reason="r")

    fields = {"label": "@shop", "replies": "on", "new_token": "IGnew-token"}
    ops.post(f"{ACCOUNTS}{shop.pk}/change/", fields, secure=True)

    shop.refresh_from_db()
    assert shop.token() == "IGnew-token"
    assert shop.hand_paused_until is not None


@pytest.mark.parametrize("act", ["pause", "resume", "test"])
def test_looking_at_an_act_does_nothing(ops, shop, graph, act):
    answer = ops.get(address(shop, act), {"reason": "by a link", "hours": "1"}, secure=True)

    shop.refresh_from_db()
    assert answer.status_code in (200, 302)
    assert (shop.hand_paused_until, acts(), graph.calls()) == (None, [], [])


@pytest.mark.parametrize("act", ["pause", "resume", "test"])
def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(login, shop, graph, act):
    reader = login("view_account")

    assert f"/{act}/".encode() not in reader.get(f"{ACCOUNTS}{shop.pk}/change/", secure=True).content
    assert reader.post(address(shop, act), {"reason": "r", "hours": "1"}, secure=True).status_code == 403
    assert (acts(), graph.calls()) == ([], [])


def test_an_account_that_is_none_is_not_found(ops):
    assert ops.post(f"{ACCOUNTS}{'0' * 8}-0000-0000-0000-{'0' * 12}/pause/", secure=True).status_code == 404


# --- test --------------------------------------------------------------------------------------------


def test_a_token_that_works_is_said_to_and_audited_with_codes_only(ops, shop, graph):
    connection.subscribe(connection.destination(ACCOUNT, TOKEN), [])

    page = done(ops, shop, "test")

    told = words(page)
    assert "It works. Token expiry: not known." in told
    assert "✓ fine Meta takes it." in told
    assert TOKEN not in page.content.decode()
    entry = AuditEntry.objects.get(action="account.tested")
    assert (entry.actor, entry.reason) == ("anna", "")
    assert entry.detail == {
        "account": ACCOUNT, "token": "fine", "account_id": "fine", "subscription": "fine", "token_expiry": "unsure",
    }  # fmt: skip
    assert [call.method for call in graph.calls()[1:]] == ["GET", "GET"]


def test_a_token_that_meta_refuses_is_said_with_what_to_do(ops, shop, graph):
    shop.set_token("IGother-token")
    shop.save()

    page = done(ops, shop, "test")

    assert "Token: Meta refuses the token (code 190)." in words(page)
    assert "Copy it again, whole, or make a new one." in words(page)
    assert "IGother-token" not in page.content.decode()
    shop.refresh_from_db()
    assert shop.state == AccountState.ACTIVE  # a test changes nothing


def test_an_account_without_a_token_asks_meta_nothing(ops, shop, graph):
    Account.objects.update(sealed_token=b"")

    assert "Token: none is stored." in words(done(ops, shop, "test"))
    assert graph.calls() == []


def test_a_token_whose_key_is_gone_is_said_so(ops, shop, graph):
    Account.objects.update(sealed_token=b"\x03old" + b"0" * 40)

    assert "its key is not in ENCRYPTION_KEYS" in words(done(ops, shop, "test"))
    assert graph.calls() == []


def test_meta_that_never_answers_is_awaited_for_a_moment_only(ops, shop, monkeypatch):
    monkeypatch.setattr(account_acts, "TEST_S", 0.6)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = timezone.now()
        with knobs(graph_api_url=f"http://127.0.0.1:{silent.getsockname()[1]}"):
            page = done(ops, shop, "test")

    assert timezone.now() - begun < timedelta(seconds=5)
    assert "Meta gave no usable answer" in words(page)


def test_a_number_is_tested_by_reading_it(ops, graph):
    number = an_account(provider="whatsapp", account_id=ACCOUNT)

    assert "Meta takes it for this account." in words(done(ops, number, "test"))


@pytest.mark.parametrize(
    ("provider", "permission"), [("facebook", "pages_messaging"), ("whatsapp", "whatsapp_business_messaging")]
)
def test_the_permission_that_may_be_missing_is_one_of_this_provider(ops, graph, provider, permission):
    account = an_account(provider=provider, account_id="17841400000000099")  # the token is of another

    told = words(done(ops, account, "test"))

    assert permission in told
    assert "instagram_business" not in told


# --- how it stands -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "says"), [(-1, "✕ ran out 1 d ago"), (3.1, "◐ ends soon in 3 d"), (40.1, "in 40 d"), (None, "unknown")]
)
def test_the_end_of_a_token_is_told_with_its_distance(ops, shop, days, says):
    ends = None if days is None else timezone.now() + timedelta(days=days)
    Account.objects.update(token_expires_at=ends)

    assert says in shown(ops, ACCOUNTS)


def test_the_stricter_of_account_and_settings_is_shown(ops, shop):
    with knobs(replies="shadow"):
        assert "shadow by the settings" in shown(ops, ACCOUNTS)
        assert "REPLIES of the settings is shadow" in shown(ops, f"{ACCOUNTS}{shop.pk}/change/")


def test_a_hostile_label_and_reason_are_only_words(ops, shop, graph):
    Account.objects.update(label=HOSTILE)
    done(ops, shop, "pause", hours="1", reason=HOSTILE)

    change = f"{ACCOUNTS}{shop.pk}/change/"
    pages = [ops.get(each, secure=True) for each in (ACCOUNTS, change, address(shop, "resume"))]
    for page in (*pages, done(ops, shop, "test")):
        assert "<script>alert" not in page.content.decode()
        assert inline_code(page.content.decode()) == []

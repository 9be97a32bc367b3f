"""Accounts over REST."""

import uuid
from datetime import UTC, datetime

import pytest

from audit.models import AuditEntry
from instagram_webhooks.models import Account, Arrival, WebhookEvent
from tests.desk.builders import an_event, at
from tests.rest.asking import asking, get, post, problem

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def ops():
    return asking("instagram_webhooks.view_account", "instagram_webhooks.act_on_account")


def an_account(**telling):
    facts = {"provider": "instagram", "account_id": "17841400000000001", "label": "@shop_berlin"}
    account = Account(**facts | telling)
    account.set_token("IGTEST-a-secret")
    account.save()
    return account


def test_an_account_is_shown_without_its_token(ops):
    account = an_account(state="token", state_since=at(0), token_expires_at=datetime(2026, 5, 1, tzinfo=UTC))
    an_event(state="parked")

    answer = get(ops, "accounts/")

    assert "secret" not in answer.content.decode()
    (shown,) = answer.json()["results"]
    assert shown == get(ops, f"accounts/{account.pk}/").json()
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": str(account.pk),
        "provider": "instagram",
        "account": "17841400000000001",
        "label": "@shop_berlin",
        "state": "token",
        "state_since": "2026-03-01T09:00:00Z",
        "paused_until": None,
        "hand_paused_until": None,
        "token_expires_at": "2026-05-01T00:00:00Z",
        "replies": "on",
        "parked": 1,
        "last_event_at": None,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [({}, ["2", "1"]), ({"state": "token"}, ["1"]), ({"provider": "facebook"}, ["2"]), ({"account": "1"}, ["1"])],
)
def test_accounts_are_narrowed_and_come_newest_first(ops, query, found):
    an_account(account_id="1", state="token")
    an_account(account_id="2", provider="facebook")

    assert [each["account"] for each in get(ops, "accounts/", **query).json()["results"]] == found


@pytest.mark.parametrize("key", [None, "k"])
def test_a_release_sends_what_is_parked_back_to_work_once(ops, key):
    account = an_account(state="token", state_since=at(0))
    for _ in range(3):
        an_event(state="parked")

    answer = post(ops, f"accounts/{account.pk}/release/", {"reason": "token renewed"}, key=key)
    if key:
        post(ops, f"accounts/{account.pk}/release/", {"reason": "token renewed"}, key=key)

    assert (answer.status_code, answer.json()["state"]) == (202, "active")
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"received"}
    entry = AuditEntry.objects.get(action="account.released")
    assert (entry.actor, entry.reason) == ("anna", "token renewed")
    assert get(ops, f"accounts/{account.pk}/").json()["parked"] == 0


def test_nothing_is_released_without_a_reason_or_an_account(ops):
    account = an_account(state="token", state_since=at(0))

    assert problem(post(ops, f"accounts/{account.pk}/release/")) == (400, "reason_required")
    assert problem(post(ops, f"accounts/{uuid.uuid4()}/release/", {"reason": "r"})) == (404, "not_found")
    account.refresh_from_db()
    assert account.state == "token"


def test_more_than_a_thousand_parked_are_a_thousand(ops):
    account = an_account()
    model = an_event(state="parked")
    facts = {field.attname: getattr(model, field.attname) for field in WebhookEvent._meta.fields}
    WebhookEvent.objects.bulk_create(
        WebhookEvent(**facts | {"event_id": uuid.uuid4(), "key": uuid.uuid4()}) for _ in range(1000)
    )

    assert get(ops, f"accounts/{account.pk}/").json()["parked"] == 1000


def test_an_account_is_paused_and_resumed_each_once_with_a_reason(ops):
    account = an_account()
    call = f"accounts/{account.pk}/"

    paused = post(ops, f"{call}pause/", {"reason": "sick", "hours": 4})
    again = post(ops, f"{call}pause/", {"reason": "sick", "hours": 4})
    resumed = post(ops, f"{call}resume/", {"reason": "well"})

    assert paused.status_code == 200
    assert paused.json()["hand_paused_until"].endswith("Z")
    assert problem(again) == (409, "conflict")
    assert (resumed.status_code, resumed.json()["hand_paused_until"]) == (200, None)
    assert problem(post(ops, f"{call}resume/", {"reason": "well"})) == (409, "conflict")
    entries = AuditEntry.objects.filter(action__in=["account.paused", "account.resumed"]).order_by("id")
    assert list(entries.values_list("action", "reason")) == [("account.paused", "sick"), ("account.resumed", "well")]


@pytest.mark.parametrize("said", [{}, {"hours": 4}, {"reason": "r"}, {"reason": "r", "hours": 25}])
def test_no_pause_without_a_reason_and_a_time(ops, said):
    account = an_account()

    assert post(ops, f"accounts/{account.pk}/pause/", said).status_code == 400
    account.refresh_from_db()
    assert account.hand_paused_until is None


def test_when_an_account_last_sent_something_is_told(ops):
    account = an_account()
    Arrival.objects.create(provider="instagram", account=account.account_id, last_at=at(0))

    assert get(ops, f"accounts/{account.pk}/").json()["last_event_at"] == "2026-03-01T09:00:00Z"

"""Where is my message? One search, answered in sentences, also for an id that was never seen."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.inbox import arrivals, moves
from instagram_webhooks.models import Account, Conversation, Refusals
from tests.admin.pages import EVENTS, inline_code, shown
from tests.admin.test_event_admin import buried
from tests.builders import ACCOUNT, PERSON, a_message, an_account, stored

pytestmark = pytest.mark.usefixtures("own_database")
FIND = "/admin/find/"


@pytest.fixture
def ops(login):
    return login("view_webhookevent")


def test_one_search_says_what_became_of_a_message(ops):
    (event,) = stored(a_message("m-sought"), correlation_id="req-1")
    stored(a_message("m-other", sender="2"), correlation_id="req-2")

    for key in ("m-sought", str(event.pk), "req-1", str(event.conversation_id), f"  {event.pk}  "):
        page = shown(ops, FIND, q=key)
        assert "One event of" in page, key
        assert "It is ready and waits for a worker" in page, key
        assert str(event.pk) in page


def test_of_one_event_the_page_shows_all_that_happened_and_a_text_for_a_ticket(ops):
    (event,) = stored(a_message("m-1"), correlation_id="req-1")
    assert moves.park(event.pk, "token")

    html = ops.get(FIND, {"q": "m-1"}, secure=True).content.decode()

    assert "Meta refused the account&#x27;s token" in html
    assert f"{EVENTS}{event.pk}/change/" in html
    assert "What happened" in html
    assert "request req-1" in html
    assert PERSON not in html
    assert inline_code(html) == []


LEADS = {
    "view_deadletter": "/admin/dead_letters/deadletter/",
    "view_account": "/admin/instagram_webhooks/account/",
    "view_conversation": "/admin/instagram_webhooks/conversation/",
}


@pytest.mark.parametrize("rights", [[], *([right] for right in LEADS), list(LEADS)], ids=str)
def test_what_died_says_of_what_and_leads_to_what_may_be_seen(login, rights):
    account = an_account()
    (event,) = stored(a_message("m-1"), correlation_id="req-1")
    Conversation.objects.create(id=event.conversation_id, provider=event.provider, account=event.account)
    buried(event)

    page = login("view_webhookevent", *rights).get(FIND, {"q": "m-1"}, secure=True)

    (told,) = page.context["told"]
    html = page.content.decode()
    assert {right for right, lead in LEADS.items() if any(url.startswith(lead) for _, url in told.links)} == set(rights)
    assert ("Dead letter (open): " in html) is ("view_deadletter" in rights)
    assert (account.label in html) is ("view_account" in rights)


def test_of_many_the_latest_are_told_and_the_page_says_how_many_there_are(ops, monkeypatch):
    monkeypatch.setattr("instagram_webhooks.desk.find.TOLD", 2)
    events = stored(*[a_message(f"m-{n}") for n in range(4)], correlation_id="req-many")

    page = ops.get(FIND, {"q": "req-many"}, secure=True)

    assert [told.event["event_id"] for told in page.context["told"]] == [str(event.pk) for event in events[:1:-1]]
    assert "4 events" in page.content.decode()
    assert "these are the latest 2" in page.content.decode()


def test_of_an_id_that_was_never_seen_it_says_so_and_what_that_may_be(ops):
    an_account()
    Account.objects.update(label="@shop")
    stored(a_message("m-1"))
    arrivals.note()
    minute = timezone.now().replace(second=0, microsecond=0)
    for ago, count in ((0, 3), (90, 40)):
        Refusals.objects.create(minute=minute - timedelta(minutes=ago), provider="instagram", count=count, unmatched=0)

    page = shown(ops, FIND, q="m-never")

    assert "No message, conversation or connected account has the id m-never ." in page
    assert "Last event of @shop" in page
    assert "Signatures refused in the last hour 3: where Meta" in page
    assert "message requests" in page
    assert "connect_instagram --check" in page


def test_where_nothing_ever_came_it_says_so(ops):
    assert "Last event of any account none yet" in shown(ops, FIND, q="m-never")


def test_an_account_is_found_by_its_id_and_by_its_name(ops):
    an_account()
    Account.objects.update(label="@shop")
    stored(a_message("m-1"))

    assert "One event of" in shown(ops, FIND, q=ACCOUNT)
    assert "One event of" in shown(ops, FIND, q="@shop")


def test_an_account_that_was_never_connected_is_found_by_the_events_that_wait_for_it(ops):
    (event,) = stored(a_message("m-1"))
    assert moves.park(event.pk, "unknown_account")
    stored(a_message("m-2", account="17841400000000077"))

    told = shown(ops, FIND, q=ACCOUNT)

    assert "One event of" in told
    assert "the account was never connected; connect it" in told


@pytest.mark.parametrize("key", ["", "   "])
def test_without_an_id_it_says_what_may_be_typed(ops, key):
    assert "dead letter" in shown(ops, FIND, q=key)


@pytest.mark.parametrize(
    "key", ["<script>alert(1)</script>", "\x00", "x" * 5000, "\u202e", "%", "' OR 1=1 --", "\ud800"]
)
def test_whatever_is_typed_is_answered_and_stays_text(ops, key):
    page = ops.get(FIND, {"q": key.encode("utf-8", "surrogatepass")}, secure=True)

    assert page.status_code == 200
    assert "<script>alert" not in page.content.decode()


def test_every_page_offers_the_search_to_those_who_may_and_to_nobody_else(ops, client):
    assert f'action="{FIND}"' in ops.get("/admin/", secure=True).content.decode()

    ops.logout()
    assert f'action="{FIND}"' not in client.get("/admin/login/", secure=True).content.decode()


def test_who_may_not_see_events_finds_none(login):
    client = login("view_conversation")

    assert client.get(FIND, {"q": str(uuid7())}, secure=True).status_code == 403
    assert f'action="{FIND}"' not in client.get("/admin/", secure=True).content.decode()

"""Events in the admin: found by any id, filtered without reading the table, shown without what they say."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.ids import uuid7
from audit.log import record
from audit.pages import rows as page_rows
from dead_letters.bury import BuriedError, bury
from instagram_webhooks.models import OutgoingReply, WebhookEvent
from tests.admin.pages import EVENTS, found, inline_code, said, shown
from tests.builders import ACCOUNT, PERSON, a_message, an_account, stored

pytestmark = pytest.mark.usefixtures("own_database")
CANARY = "canary words of a customer"


@pytest.fixture
def ops(login):
    return login("view_webhookevent", "view_conversation", "view_deadletter")


def a_reply(event, **telling):
    facts = {"reply_key": uuid7(), "conversation_id": event.conversation_id, "state": "planned"}
    return OutgoingReply.objects.create(
        event_id=event.pk, provider=event.provider, account=event.account, **(facts | telling)
    )


def buried(event):
    return bury(
        subject_kind="instagram_webhooks.event",
        subject_id=event.pk,
        lane=event.lane,
        order_at=event.order_at,
        provider=event.provider,
        kind=event.kind,
        account_label=event.account,
        correlation_id=event.correlation_id,
        error=BuriedError(error_class="GraphRefused", code="graph_refused", summary="Refused.", upstream_code=100),
        attempts=1,
    )


def test_an_event_is_found_by_each_of_its_ids(ops):
    (event,) = stored(a_message("m-1"), correlation_id="req-1")
    stored(a_message("m-2", sender="6120000000000099"), correlation_id="req-2")

    for key in (event.pk, "m-1", event.message_digest, event.conversation_id, "req-1", "req-1.1"):
        assert found(ops, EVENTS, q=str(key)) == [event.pk], key
    assert found(ops, EVENTS, q="words of a customer") == []


def test_the_list_is_newest_first_and_filtered_by_state_provider_and_kind(ops):
    (first,) = stored(a_message("m-1"))
    (second,) = stored(a_message("m-2"))

    assert found(ops, EVENTS) == [second.pk, first.pk]
    assert found(ops, EVENTS, state="received", provider="instagram", kind="message") == [second.pk, first.pk]
    assert found(ops, EVENTS, state="dead") == []
    assert found(ops, EVENTS, provider="whatsapp") == []
    assert found(ops, EVENTS, kind="comment") == []


def test_the_list_tells_state_and_reply_by_shape_and_word(ops):
    (event,) = stored(a_message("m-1"))
    a_reply(event)

    page = shown(ops, EVENTS)

    assert "● received" in page
    assert "◐ planned" in page


def test_a_list_costs_the_same_however_many_rows_it_shows(ops):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as seen:
            shown(ops, EVENTS)
        return [query["sql"] for query in seen]

    a_reply(*stored(a_message("m-0")))
    few = queries()
    for n in range(1, 6):
        a_reply(*stored(a_message(f"m-{n}")))
    many = queries()

    assert len(many) == len(few)
    assert not any("DISTINCT" in sql for sql in many)
    counts = [sql for sql in many if "COUNT(" in sql]
    assert all("LIMIT 10001" in sql for sql in counts), counts


def test_a_list_that_takes_too_long_is_stopped_and_says_so(ops, monkeypatch):
    stored(a_message("m-1"))
    monkeypatch.setattr(page_rows, "LIMIT_MS", 1)
    slow = "pg_sleep(0.2) IS NOT NULL"
    monkeypatch.setattr(
        "instagram_webhooks.desk.admin_events.EventAdmin.get_queryset",
        lambda *_: WebhookEvent.objects.extra(where=[slow]),
    )

    page = ops.get(EVENTS, secure=True)

    assert page.status_code == 200
    assert said(page) == ["This took too long and was stopped. Search by an id, or filter otherwise."]


def test_a_page_of_one_event_tells_what_happened_to_it(ops):
    (event,) = stored(a_message("m-1"), correlation_id="req-1")
    record("event.retrying", subject_id=event.pk, attempt=1, detail={"code": "graph_failed"})
    letter = buried(event)

    page = ops.get(f"{EVENTS}{event.pk}/change/", secure=True)
    text = shown(ops, f"{EVENTS}{event.pk}/change/")

    assert [step.what for step in page.context["steps"]][:2] == ["received", "failed, to be tried again"]
    assert "failed, to be tried again 1 graph failed" in text
    assert f"/admin/dead_letters/deadletter/{letter}/change/" in page.content.decode()
    assert "req-1.1" in text
    assert str(event.conversation_id) in text


def test_an_event_behind_another_names_the_one_it_waits_for(ops):
    first, second = stored(a_message("m-1"), a_message("m-2"))

    assert "Nothing: it is this event" in shown(ops, f"{EVENTS}{first.pk}/change/")
    assert str(first.pk) in shown(ops, f"{EVENTS}{second.pk}/change/")


def test_no_page_shows_what_a_customer_wrote_or_who_it_was(ops):
    (event,) = stored(a_message("m-canary", text=CANARY))

    for address in (EVENTS, f"{EVENTS}{event.pk}/change/", f"{EVENTS}?q=m-1"):
        html = ops.get(address, secure=True).content.decode()
        assert CANARY not in html
        assert PERSON not in html
        assert "m-canary" not in html
        assert inline_code(html) == []
    assert ACCOUNT in ops.get(f"{EVENTS}{event.pk}/change/", secure=True).content.decode()


def test_events_cannot_be_added_changed_or_deleted(admin_client):
    (event,) = stored(a_message("m-1"))

    assert admin_client.get(f"{EVENTS}add/", secure=True).status_code == 403
    assert admin_client.post(f"{EVENTS}{event.pk}/change/", {"state": "dead"}, secure=True).status_code == 403
    assert admin_client.post(f"{EVENTS}{event.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403
    assert b"_facets" not in admin_client.get(EVENTS, secure=True).content


def test_an_event_that_is_not_there_is_said_to_be_gone(ops):
    page = ops.get(f"{EVENTS}{uuid7()}/change/", secure=True, follow=True)

    assert "doesn’t exist" in said(page)[0]


@pytest.mark.parametrize("may_see", [True, False])
def test_an_account_is_named_to_whoever_may_see_accounts(login, may_see):
    account = an_account()
    (event,) = stored(a_message("m-1"), correlation_id="req-1")
    client = login("view_webhookevent", *(["view_account"] if may_see else []))

    for address in (EVENTS, f"{EVENTS}{event.pk}/change/"):
        page = client.get(address, secure=True).content.decode()
        assert (account.label in page) is may_see
        assert (f"/admin/instagram_webhooks/account/{account.pk}/change/" in page) is may_see
        assert account.account_id in page

"""Blocked conversations in the admin: which they are, why they stand, and how one is set aside."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import review
from dead_letters.models import DeadLetter
from instagram_webhooks.desk.admin_blocked import BlockedAdmin
from instagram_webhooks.desk.set_aside import set_aside
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish, heads, moves
from instagram_webhooks.models import Account, OutgoingReply, WebhookEvent, Worker
from tests.admin.pages import EVENTS, found, inline_code, said, shown
from tests.builders import ACCOUNT, PERSON, a_message, an_account, now_ms, stored
from tests.inbox.test_claim import rows_read

pytestmark = pytest.mark.usefixtures("own_database")
BLOCKED = "/admin/instagram_webhooks/blockedconversation/"
SET_ASIDE = f"{BLOCKED}set-aside/"


@pytest.fixture
def ops(login):
    return login("view_webhookevent", "view_deadletter", "act_on_deadletter")


def a_lane(sender, count=2):
    now = now_ms()
    return stored(*[a_message(f"m-{sender}-{n}", "canary words", sender=sender, timestamp=now + n)
                    for n in range(count)])  # fmt: skip


def retrying(event, wait_s=3600.0):
    claim = claims.claim(event.pk, worker_id=uuid7())
    with transaction.atomic():
        finish.retrying(claim, wait_s=wait_s, counts=True, detail={"code": "graph_failed"})
    return event


def processing(event, *, silent_s):
    at = timezone.now() - timedelta(seconds=silent_s)
    worker = Worker.objects.create(host="h", pid=1, pool="threads", slots=5, started_at=at, pulse_at=at)
    claims.claim(event.pk, worker_id=worker.pk)
    return event


def waits_since(event, *, minutes):
    at = timezone.now() - timedelta(minutes=minutes)
    due = {} if event.state == "parked" else {"claimable_at": at}
    WebhookEvent.objects.filter(pk=event.pk).update(received_at=at, order_at=at, **due)


def test_heads_that_stand_are_listed_the_longest_wait_first(ops):
    retried, parked, silent = (a_lane(sender)[0] for sender in ("1", "2", "3"))
    moves.park(parked.pk, "token")
    parked.refresh_from_db()
    waits_since(parked, minutes=9)
    retrying(retried)
    processing(silent, silent_s=60)
    untaken = a_lane("4")[0]
    waits_since(untaken, minutes=5)

    assert found(ops, BLOCKED) == [parked.pk, untaken.pk, retried.pk, silent.pk]


def test_what_moves_by_itself_is_not_listed(ops):
    a_lane("1")
    processing(a_lane("2")[0], silent_s=0)
    (ended,) = a_lane("3", 1)
    set_aside(ended.pk, actor="anna", reason="r")

    assert found(ops, BLOCKED) == []


def test_a_row_says_why_and_how_much_stands_behind_and_nothing_of_the_customer(ops):
    head = retrying(a_lane("1", 4)[0])
    paused = retrying(a_lane("2", 1)[0])
    an_account()
    moves.park(a_lane("3", 1)[0].pk, "token")

    page = ops.get(BLOCKED, secure=True)
    text = shown(ops, BLOCKED)

    assert "waits for its next attempt: graph failed" in text
    assert "account parked: token" in text
    assert " 3 " in text
    assert f"{EVENTS}{head.pk}/change/" in page.content.decode()
    assert ACCOUNT in page.content.decode()
    Account.objects.update(paused_until=timezone.now() + timedelta(minutes=5))
    assert "account left alone for a while: graph failed" in shown(ops, BLOCKED)
    for address in (BLOCKED, f"{SET_ASIDE}?id={paused.pk}"):
        html = ops.get(address, secure=True).content.decode()
        assert "canary words" not in html
        assert PERSON not in html
        assert inline_code(html) == []


def test_setting_aside_asks_for_a_reason_and_then_the_next_event_goes_on(ops):
    head, behind = a_lane("1")
    retrying(head)

    asked = ops.get(SET_ASIDE, {"id": str(head.pk)}, secure=True)
    refused = ops.post(SET_ASIDE, {"id": [str(head.pk)], "reason": " "}, secure=True)
    done = ops.post(SET_ASIDE, {"id": [str(head.pk)], "reason": "its flood"}, secure=True, follow=True)

    assert asked.status_code == refused.status_code == 200
    assert said(done) == ["1 set aside."]
    head.refresh_from_db()
    assert (head.state, claims.claim(head.pk, worker_id=uuid7()).event_id) == ("dead", behind.pk)
    letter = DeadLetter.objects.get()
    assert (letter.code, letter.subject_id, letter.status) == ("set_aside", head.pk, "open")
    entry = AuditEntry.objects.get(action="event.set_aside")
    assert (entry.actor, entry.reason, entry.subject_id) == ("anna", "its flood", head.pk)


def test_the_log_tells_of_the_death_as_of_any_other(caplog):
    head, _ = a_lane("1")

    with caplog.at_level("ERROR", logger="instagram_webhooks"):
        set_aside(head.pk, actor="anna", reason="her own words")

    (line,) = caplog.records
    assert (line.message, line.code, line.event_id) == ("event.failed", "set_aside", str(head.pk))
    assert "her own words" not in str(vars(line))


def test_what_was_set_aside_is_replayed_at_the_end_of_its_conversation():
    head, behind = a_lane("1")
    set_aside(head.pk, actor="anna", reason="r")

    (outcome,) = review.replay([DeadLetter.objects.get().pk], reason="now", actor="anna")

    assert outcome.is_done
    assert claims.claim(head.pk, worker_id=uuid7()).event_id == behind.pk


def test_a_reply_that_may_have_left_is_undecided_then():
    head, _ = a_lane("1")
    OutgoingReply.objects.create(
        event_id=head.pk, reply_key=uuid7(), conversation_id=head.conversation_id, provider="instagram",
        account=ACCOUNT, state="sending", called_at=timezone.now(),
    )  # fmt: skip

    assert set_aside(head.pk, actor="anna", reason="r")
    assert OutgoingReply.objects.get().state == "undecided"


def test_what_a_worker_has_and_what_has_ended_is_left(ops):
    held = processing(a_lane("1")[0], silent_s=60)
    (ended,) = a_lane("2", 1)
    set_aside(ended.pk, actor="anna", reason="r")

    page = ops.post(SET_ASIDE, {"id": [str(held.pk), str(ended.pk)], "reason": "r"}, secure=True, follow=True)

    assert said(page) == ["2 left: a worker has it, or it has ended by now."]
    assert DeadLetter.objects.count() == 1


def test_the_list_offers_the_same_for_what_was_chosen(ops):
    head = retrying(a_lane("1")[0])

    page = ops.post(BLOCKED, {"action": "set_aside_chosen", "_selected_action": [str(head.pk)]}, secure=True)

    assert "Set aside 1 event" in page.content.decode()
    head.refresh_from_db()
    assert head.state == "retrying"


def test_who_may_not_replay_may_not_set_aside(login):
    reader = login("view_webhookevent")
    head = retrying(a_lane("1")[0])

    assert found(reader, BLOCKED) == [head.pk]
    assert reader.post(SET_ASIDE, {"id": [str(head.pk)], "reason": "r"}, secure=True).status_code == 403
    assert "Set aside" not in shown(reader, f"{EVENTS}{head.pk}/change/")


def test_the_page_of_an_event_says_what_it_waits_for_and_offers_to_set_its_head_aside(ops):
    head, behind = a_lane("1")
    retrying(head)

    of_head, of_next = (shown(ops, f"{EVENTS}{event.pk}/change/") for event in (head, behind))

    assert "Its next attempt, at" in of_head
    assert "after graph_failed" in of_head
    assert "Set aside…" in of_head
    assert f"goes first in its conversation: {head.pk}" in of_next
    assert "Set aside…" not in of_next
    assert ops.get(f"{BLOCKED}{head.pk}/change/", secure=True).url == f"{EVENTS}{head.pk}/change/"


def many(lanes, each):
    """Open events of many lanes, each with a retrying head."""
    (seed,) = stored(a_message("m-seed", sender="seed"))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO instagram_webhooks_webhookevent
                 (event_id, key, provider, kind, account, conversation_id, lane, correlation_id, state, reason,
                  attempts, starts, fence, received_at, place, order_at, claimable_at)
               SELECT gen_random_uuid(), gen_random_uuid(), provider, kind, account, lane.id, lane.id, 'x.1',
                 CASE WHEN n = 1 THEN 'retrying' ELSE 'received' END, '', 1, 0, 0,
                 at, 1, at, now() + interval '1 hour'
                 FROM instagram_webhooks_webhookevent seed,
                   (SELECT gen_random_uuid() AS id, l FROM generate_series(1, %(lanes)s) l) lane,
                   generate_series(1, %(each)s) n,
                   LATERAL (SELECT now() - interval '1 day' + (l * 100000 + n) * interval '1 ms' AS at) stamp
                WHERE seed.event_id = %(seed)s""",
            {"lanes": lanes, "each": each, "seed": seed.pk},
        )
        cursor.execute("ANALYZE instagram_webhooks_webhookevent")


def plan_of(statement, values):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values)
        return cursor.fetchone()[0][0]


@pytest.fixture
def a_page():
    """The query of the list's first page, as it is sent."""
    from django.contrib import admin

    from instagram_webhooks.models import BlockedConversation

    rows = BlockedAdmin(BlockedConversation, admin.site).get_queryset(None).order_by(*BlockedAdmin.ordering)[:100]
    return rows.query.sql_with_params()


def test_thousands_of_blocked_conversations_cost_the_list_and_the_alarm_a_page(a_page):
    many(lanes=8_000, each=1)

    of_list = plan_of(*a_page)
    of_alarm = plan_of(heads.LONGEST, {"age": 900, "limit": 100, "accounts": [], "states": []})

    assert rows_read(of_list["Plan"]) < 2000
    assert rows_read(of_alarm["Plan"]) < 2000


def test_a_conversation_of_five_thousand_costs_the_list_one_look_at_each(a_page):
    many(lanes=1, each=5_000)

    explained = plan_of(*a_page)

    assert explained["Plan"]["Plans"][0]["Actual Rows"] == 1
    assert rows_read(explained["Plan"]) < 25_000
    assert explained["Execution Time"] < 500
    (counted,) = heads.behind([WebhookEvent.objects.exclude(state="received").get().lane]).values()
    assert counted == heads.BEHIND_CAP + 1

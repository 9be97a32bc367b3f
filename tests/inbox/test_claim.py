"""Whose turn it is, and who owns it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from audit.ids import uuid7
from audit.models import AuditEntry
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish, heads
from instagram_webhooks.inbox.finish import FencedOut
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import EventState
from tests.builders import a_message, an_item, now_ms, stored

pytestmark = pytest.mark.usefixtures("own_database")

ME, OTHER = uuid7(), uuid7()


def expire(claim):
    WebhookEvent.objects.filter(pk=claim.event_id).update(claimable_at=claim.received_at - timedelta(seconds=1))


def test_a_wake_up_claims_the_head_of_the_lane_it_names():
    first, second = stored(a_message("m-1", timestamp=now_ms() - 2000), a_message("m-2"))

    claim = claims.claim(second.pk, worker_id=ME)

    assert claim.event_id == first.pk
    assert (claim.fence, claim.attempt, claim.starts) == (1, 1, 1)


def test_order_is_by_provider_time_then_by_place():
    now = now_ms()
    late, early = stored(a_message("m-1", timestamp=now), a_message("m-2", timestamp=now - 5000))

    assert claims.claim(late.pk, worker_id=ME).event_id == early.pk


def test_a_second_claim_of_a_lane_finds_nothing():
    first, second = stored(a_message("m-1"), a_message("m-2"))
    claims.claim(first.pk, worker_id=ME)

    assert claims.claim(first.pk, worker_id=OTHER) is None
    assert claims.claim(second.pk, worker_id=OTHER) is None


def test_a_head_that_is_not_due_holds_its_lane():
    first, second = stored(a_message("m-1"), a_message("m-2"))
    claim = claims.claim(first.pk, worker_id=ME)
    with transaction.atomic():
        finish.retrying(claim, wait_s=60, counts=True, detail={})

    assert claims.claim(second.pk, worker_id=ME) is None


def test_a_receipt_has_no_lane_and_waits_for_nobody():
    head, receipt = stored(a_message("m-1"), an_item(read={"mid": "m-0"}))
    claims.claim(head.pk, worker_id=ME)

    assert claims.claim(receipt.pk, worker_id=OTHER).event_id == receipt.pk


def test_an_expired_claim_is_taken_over_with_a_higher_fence_and_that_is_audited():
    (event,) = stored(a_message())
    lost = claims.claim(event.pk, worker_id=ME)
    expire(lost)

    taken = claims.claim(event.pk, worker_id=OTHER)

    assert (taken.fence, taken.starts) == (lost.fence + 1, 2)
    assert AuditEntry.objects.get(action="lease.lost").subject_id == event.pk


def test_a_dead_workers_lane_moves_on_though_an_older_event_came_late():
    (event,) = stored(a_message("m-1"))
    lost = claims.claim(event.pk, worker_id=ME)
    (older,) = stored(a_message("m-0", timestamp=now_ms() - 60_000), correlation_id="request-2")
    expire(lost)

    taken = claims.claim(older.pk, worker_id=OTHER)

    assert taken.event_id == event.pk
    with transaction.atomic():
        finish.processed(taken)
    assert claims.claim(older.pk, worker_id=OTHER).event_id == older.pk


def test_what_a_worker_has_is_the_head_though_an_older_event_came_late():
    (event,) = stored(a_message("m-1"))
    claims.claim(event.pk, worker_id=ME)
    stored(a_message("m-0", timestamp=now_ms() - 60_000), correlation_id="request-2")

    assert [crowd.first for crowd in heads.waiting_longer(0.0, limit=9)] == [[event.pk]]


def test_a_worker_that_lost_its_claim_can_end_nothing():
    (event,) = stored(a_message())
    lost = claims.claim(event.pk, worker_id=ME)
    expire(lost)
    claims.claim(event.pk, worker_id=OTHER)

    with pytest.raises(FencedOut), transaction.atomic():
        finish.processed(lost)

    assert WebhookEvent.objects.get().state == EventState.PROCESSING
    assert not AuditEntry.objects.filter(action="event.processed").exists()


def test_of_many_claims_at_once_one_wins():
    events = stored(*[a_message(f"m-{n}") for n in range(8)])
    gate, won = threading.Barrier(8), []

    def race(event):
        gate.wait()
        won.append(claims.claim(event.pk, worker_id=uuid7()))
        connection.close()

    threads = [threading.Thread(target=race, args=[event]) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(claim is not None for claim in won) == 1
    assert WebhookEvent.objects.filter(state="processing").count() == 1


def test_a_handed_back_event_counts_no_attempt_and_no_start():
    (event,) = stored(a_message())
    with transaction.atomic():
        finish.handed_back(claims.claim(event.pk, worker_id=ME))

    event.refresh_from_db()
    assert (event.state, event.attempts, event.starts, event.fence) == ("received", 0, 0, 1)


def test_the_claim_reads_two_index_entries_of_a_lane_with_twenty_thousand_waiting():
    (event,) = stored(a_message())
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO instagram_webhooks_webhookevent
                 (event_id, key, provider, kind, account, conversation_id, lane, correlation_id, state, reason,
                  attempts, starts, fence, received_at, place, order_at, claimable_at)
               SELECT gen_random_uuid(), gen_random_uuid(), provider, kind, account, conversation_id, lane, 'x.1',
                 state, '', 0, 0, 0, received_at, 1, order_at + n * interval '1 ms', claimable_at
                 FROM instagram_webhooks_webhookevent, generate_series(1, 20000) n"""
        )
        # A table of few pages may be read as a whole, when autovacuum has seen that.
        cursor.execute(
            """INSERT INTO instagram_webhooks_eventpayload (event_id, sealed)
               SELECT event_id, '' FROM instagram_webhooks_webhookevent WHERE correlation_id = 'x.1'"""
        )
        cursor.execute("ANALYZE instagram_webhooks_webhookevent, instagram_webhooks_eventpayload")
        values = {"name": event.pk, "worker": ME, "lease": 90}
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {claims.BY_EVENT.waiting}", values)
        plan = cursor.fetchone()[0][0]["Plan"]

    assert rows_read(plan) < 50
    assert "Seq Scan" not in str(plan)


def rows_read(plan):
    own = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    return own + sum(rows_read(each) for each in plan.get("Plans", []))

"""The sweep: finds what is due and nothing else, and frees what a lost worker held."""

import threading
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish, moves, turn
from instagram_webhooks.inbox.sweep import DUE, LOCK, sweep
from instagram_webhooks.models import OutgoingReply, Turn, WebhookEvent, Worker
from tests.builders import ACCOUNT, a_message, an_item, knobs, now_ms, stored
from tests.inbox.test_claim import expire, rows_read
from tests.processes.process import until

ME = uuid7()
pytestmark = pytest.mark.usefixtures("own_database")


def offered(depth=5):
    found = []
    sweep(found.extend, depth=lambda: depth)
    return set(found)


def forget_offers():
    WebhookEvent.objects.update(dispatched_at=None)


def test_what_the_door_offered_is_offered_again_only_after_the_gate():
    (event,) = stored(a_message())

    assert offered() == set()
    WebhookEvent.objects.update(dispatched_at=timezone.now() - timedelta(seconds=31))
    assert offered() == {event.pk}
    assert offered() == set()


def test_with_an_empty_queue_the_gate_is_three_seconds():
    (event,) = stored(a_message())
    WebhookEvent.objects.update(dispatched_at=timezone.now() - timedelta(seconds=4))

    assert offered(depth=1) == set()
    assert offered(depth=0) == {event.pk}


def test_only_the_head_of_a_lane_is_offered_and_every_event_without_one():
    now = now_ms()
    second, first = a_message("m-2", timestamp=now), a_message("m-1", timestamp=now - 9)
    _, head, receipt = stored(second, first, an_item(read={"mid": "m"}))
    forget_offers()

    assert offered() == {head.pk, receipt.pk}


def test_what_waits_for_a_later_time_is_not_offered():
    (event,) = stored(a_message())
    claim = claims.claim(event.pk, worker_id=ME)
    with transaction.atomic():
        finish.retrying(claim, wait_s=60, counts=True, detail={})

    assert offered() == set()
    WebhookEvent.objects.update(claimable_at=timezone.now())
    assert offered() == {event.pk}


def test_a_claim_that_ran_out_is_offered_though_an_older_event_is_parked():
    (event,) = stored(a_message("m-1"))
    lost = claims.claim(event.pk, worker_id=ME)
    (older,) = stored(a_message("m-0", timestamp=now_ms() - 60_000), correlation_id="request-2")
    moves.park(older.pk, "token")
    expire(lost)
    forget_offers()

    assert offered() == {event.pk}


def test_nothing_is_offered_to_a_full_queue():
    stored(a_message())
    forget_offers()

    with knobs(queue_limit=10):
        assert offered(depth=10) == set()


def test_a_second_sweep_at_the_same_time_leaves_it_to_the_first(own_database):
    stored(a_message())
    forget_offers()
    with psycopg.connect(own_database) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])

        swept = sweep(lambda ids: None, depth=lambda: 0)

    assert not swept.was_ours


def test_the_claims_of_a_silent_worker_are_free_at_once():
    (event,) = stored(a_message())
    claims.claim(event.pk, worker_id=a_worker(silent_s=60).pk)

    assert offered() == {event.pk}
    assert claims.claim(event.pk, worker_id=ME).starts == 2


def test_a_worker_that_pulses_keeps_its_claims():
    (event,) = stored(a_message())
    claims.claim(event.pk, worker_id=a_worker(silent_s=1).pk)

    assert offered() == set()


def test_a_reply_that_may_be_under_way_waits_for_the_lease():
    (event,) = stored(a_message())
    claims.claim(event.pk, worker_id=a_worker(silent_s=60).pk)
    OutgoingReply.objects.create(
        event_id=event.pk, reply_key=uuid7(), conversation_id=event.conversation_id, provider="instagram",
        account=ACCOUNT, state="sending", called_at=timezone.now(),
    )  # fmt: skip

    assert offered() == set()


def test_what_a_stopping_worker_gives_back_is_whole():
    (event,) = stored(a_message())
    claims.claim(event.pk, worker_id=ME)

    assert [moved.event_id for moved in moves.give_back(ME)] == [event.pk]
    event.refresh_from_db()
    assert (event.state, event.starts, event.attempts) == ("received", 0, 0)


def test_what_is_past_its_lease_is_not_given_back_so_that_its_start_counts():
    (event,) = stored(a_message())
    claims.claim(event.pk, worker_id=ME)
    WebhookEvent.objects.update(claimable_at=timezone.now() - timedelta(seconds=1))

    assert moves.give_back(ME) == []
    assert claims.claim(event.pk, worker_id=uuid7()).starts == 2


def test_what_is_claimed_while_claims_that_nobody_knows_of_are_given_back_is_left_alone():
    """It may be committing `sending` in this moment, which the statement that gives back would not see."""
    before, during = stored(a_message("m-1"), a_message("m-2", sender="9"))
    claims.claim(before.pk, worker_id=ME)

    def claimed_meanwhile():
        in_another_session(lambda: claims.claim(during.pk, worker_id=ME))
        return ()

    moved, _ = moves.give_back_unknown(ME, at_work=claimed_meanwhile)

    assert [each.event_id for each in moved] == [before.pk]


def test_claims_that_nobody_knows_of_wait_for_no_row_that_somebody_holds(own_database):
    held, free = stored(a_message("m-1"), a_message("m-2", sender="9"))
    for event in (held, free):
        claims.claim(event.pk, worker_id=ME)

    with psycopg.connect(own_database) as somebody:
        somebody.execute("SELECT FROM instagram_webhooks_webhookevent WHERE event_id = %s FOR UPDATE", [held.pk])
        first, is_all = moves.give_back_unknown(ME, at_work=tuple)
    then, is_all_then = moves.give_back_unknown(ME, at_work=tuple)

    assert ([each.event_id for each in first], is_all) == ([free.pk], False)
    assert ([each.event_id for each in then], is_all_then) == ([held.pk], True)


def test_what_was_claimed_by_the_statement_that_is_waited_for_is_given_back_too(own_database):
    """Its client has lost the answer; nobody would work on it until its lease ends."""
    ended, following = stored(a_message("m-1"), a_message("m-2", sender="9"))
    claims.claim(ended.pk, worker_id=ME)
    found = []

    with psycopg.connect(own_database) as statement, psycopg.connect(own_database, autocommit=True) as other:
        change = "UPDATE instagram_webhooks_webhookevent SET state = %s, worker_id = %s, {} WHERE event_id = %s"
        statement.execute(change.format("claimable_at = NULL, finished_at = now()"), ["processed", None, ended.pk])
        lease = "fence = fence + 1, claimable_at = now() + interval '1 minute'"
        statement.execute(change.format(lease), ["processing", ME, following.pk])
        giving = threading.Thread(target=lambda: (found.extend(moves.give_back(ME)), connection.close()))
        giving.start()
        waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: other.execute(waits).rowcount > 0, "it waits for the statement")
        statement.commit()
        until(lambda: not giving.is_alive(), "it has given back")

    assert [moved.event_id for moved in found] == [following.pk]


def test_what_a_slot_has_taken_up_by_then_is_not_given_back():
    (event,) = stored(a_message())
    claims.claim(event.pk, worker_id=ME)

    assert moves.give_back_unknown(ME, at_work=lambda: [event.pk]) == ([], True)


def in_another_session(act):
    def run():
        act()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: not thread.is_alive(), "the other session has ended")


def test_release_returns_all_parked_events_in_batches(monkeypatch):
    monkeypatch.setattr(moves, "RELEASE_AT_ONCE", 2)
    events = stored(*[a_message(f"m-{n}", sender=str(n)) for n in range(5)])
    for event in events:
        moves.park(event.pk, "token")

    assert moves.release("instagram", ACCOUNT) == 5
    assert WebhookEvent.objects.filter(state="received", reason="").count() == 5


def test_what_is_replayed_stands_in_the_order_that_was_asked_for_behind_what_is_there():
    now = now_ms()
    late, early = stored(a_message("m-2", timestamp=now), a_message("m-1", timestamp=now - 60_000))
    for _ in range(2):
        claim = claims.claim(late.pk, worker_id=ME)
        with transaction.atomic():
            finish.dead(claim, {})

    assert moves.replay([early.pk, late.pk], state="dead", actor="ops", reason="again") == {late.pk, early.pk}
    assert claims.claim(late.pk, worker_id=ME).event_id == early.pk


def test_twenty_thousand_that_wait_for_later_cost_the_sweep_nothing():
    (event,) = stored(a_message())
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO instagram_webhooks_webhookevent
                 (event_id, key, provider, kind, account, conversation_id, lane, correlation_id, state, reason,
                  attempts, starts, fence, received_at, place, order_at, claimable_at)
               SELECT gen_random_uuid(), gen_random_uuid(), provider, kind, account, gen_random_uuid(),
                 gen_random_uuid(), 'x.1', 'retrying', '', 1, 0, 0, received_at, 1, order_at, now() + interval '1 hour'
                 FROM instagram_webhooks_webhookevent, generate_series(1, 20000) n"""
        )
        cursor.execute("ANALYZE instagram_webhooks_webhookevent")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {DUE}", {"gate": 30, "limit": 500})
        plan = cursor.fetchone()[0][0]["Plan"]

    assert rows_read(plan) < 20
    forget_offers()
    assert offered() == {event.pk}


def a_worker(*, silent_s):
    at = timezone.now() - timedelta(seconds=silent_s)
    return Worker.objects.create(host="h", pid=1, pool="threads", slots=5, started_at=at, pulse_at=at)


def test_one_process_an_interval_has_the_turn_and_a_long_sweep_is_followed_by_a_long_pause():
    assert (turn.take(0.2), turn.take(0.2)) == (True, False)
    until(lambda: turn.take(0.2), "the turn is free again", within_s=5)

    turn.rest(60.0)

    assert timezone.now() + timedelta(seconds=8) < Turn.objects.get().free_at < timezone.now() + timedelta(seconds=11)


def test_a_clock_that_was_set_back_stops_no_sweep():
    Turn.objects.create(name="sweep", free_at=timezone.now() + timedelta(hours=1))

    assert turn.take(0.2)


def test_a_sweep_that_waits_for_the_broker_is_not_long_for_that():
    swept = sweep(lambda ids: None, depth=lambda: time.sleep(0.5) or 0)

    assert 0 < swept.took_s < 0.5

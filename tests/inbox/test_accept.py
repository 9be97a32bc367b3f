"""What the door stores, and what it knows again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from instagram_webhooks import providers
from instagram_webhooks.errors import StoreUnavailable
from instagram_webhooks.inbox import accept as door
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish
from instagram_webhooks.inbox.arrays import columns, take_arrays
from instagram_webhooks.inbox.line import Line, executed
from instagram_webhooks.inbox.sweep import sweep
from instagram_webhooks.models import Account, AccountState, EventPayload, WebhookEvent
from instagram_webhooks.vault import open_sealed
from tests.builders import a_body, a_message, an_account, an_item, now_ms, stored

pytestmark = pytest.mark.usefixtures("own_database")


def test_each_update_is_one_row_with_a_sealed_payload_of_its_own():
    events = stored(a_message("m-1", "one"), a_message("m-2", "two"), an_item(read={"mid": "m-1"}))

    assert [event.kind for event in events] == ["message", "message", "read"]
    assert [event.correlation_id for event in events] == ["request-1.1", "request-1.2", "request-1.3"]
    payload = EventPayload.objects.get(pk=events[0].pk)
    assert b"one" not in bytes(payload.sealed)
    assert b'"one"' in open_sealed(payload.sealed, place=EventPayload.PLACE, row_id=events[0].pk)


def test_the_same_event_in_another_batch_adds_nothing_and_is_named():
    item = a_message("m-1")
    (event,) = stored(item)

    again = door.accept("instagram", providers.split("instagram", a_body(item, a_message("m-2"))), "request-2")

    assert [(each.is_new, each.event_id == event.pk) for each in again] == [(False, True), (True, False)]
    assert WebhookEvent.objects.count() == 2


def test_a_post_of_a_hundred_is_one_round_trip(monkeypatch, django_assert_num_queries):
    """What the figures in benchmarks/ rest on."""
    runs, run = [], Line.run
    monkeypatch.setattr(Line, "run", lambda self, *given: runs.append(self) or run(self, *given))
    body = a_body(*[a_message(f"m-{number}", sender=str(number)) for number in range(100)])

    with django_assert_num_queries(0):
        found = door.accept("instagram", providers.split("instagram", body), "request-1")

    assert (len(runs), sum(each.is_new for each in found)) == (1, 100)


def test_the_payloads_of_a_large_post_find_their_events_without_a_nested_loop():
    stored(a_message("m-1"))
    line = door.group._writer.line
    values = dict.fromkeys(door.COLUMNS, "{}") | {"memory_days": 30, "told_s": 3.0}

    plan = "\n".join(row[0] for row in line.run(f"EXPLAIN {door.INSERT}", values))

    assert "Nested Loop" not in plan


def wakes(item):
    """Whether a worker is told of the one event of a POST."""
    (each,) = door.accept("instagram", providers.split("instagram", a_body(item)), "request-2")
    assert (WebhookEvent.objects.get(pk=each.event_id).dispatched_at is not None) == each.wakes
    return each.wakes


@pytest.fixture
def shop():
    return an_account()


@pytest.mark.parametrize("earlier", [0, 5000])
def test_nobody_is_told_of_an_event_whose_head_waits_and_was_offered(shop, earlier):
    stored(a_message("m-1"))

    assert not wakes(a_message("m-2", timestamp=now_ms() - earlier))
    assert wakes(a_message("m-3", sender="9"))
    assert wakes(an_item(read={"mid": "m-1"}))


def test_a_head_that_was_offered_a_while_ago_or_not_at_all_may_need_another_wake_up(shop):
    (head,) = stored(a_message("m-1"))
    for number, offered_at in enumerate((timezone.now() - timedelta(seconds=4), None)):
        WebhookEvent.objects.filter(pk=head.pk).update(dispatched_at=offered_at)
        assert wakes(a_message(f"m-2{number}"))


def test_an_account_that_is_not_active_parks_what_a_wake_up_names(shop):
    Account.objects.update(state=AccountState.TOKEN)
    stored(a_message("m-1"))

    assert wakes(a_message("m-2"))


def test_where_an_older_event_comes_while_a_worker_has_the_lane_it_is_no_head_that_waits(shop):
    (taken,) = stored(a_message("m-1"))
    claims.claim(taken.pk, worker_id=uuid7())

    assert wakes(a_message("m-0", timestamp=now_ms() - 60_000))
    assert wakes(a_message("m-2"))


def test_whoever_has_the_head_may_just_be_leaving_its_lane(shop):
    (head,) = stored(a_message("m-1"))
    claim = claims.claim(head.pk, worker_id=uuid7())
    assert wakes(a_message("m-2"))
    with transaction.atomic():
        finish.retrying(claim, wait_s=60, counts=True, detail={})

    assert wakes(a_message("m-3"))


def test_the_sweep_offers_an_event_at_once_whose_head_was_done_without_a_look_behind_it(shop):
    (head,) = stored(a_message("m-1"))
    assert not wakes(a_message("m-2"))
    claim = claims.claim(head.pk, worker_id=uuid7())
    with transaction.atomic():
        finish.processed(claim)

    found = []
    sweep(found.extend, depth=lambda: 5)

    assert found == [WebhookEvent.objects.get(state="received").pk]


@pytest.mark.parametrize("verdict", ["", "test"])
def test_a_row_that_somebody_holds_fails_no_neighbour(verdict, own_database, monkeypatch):
    monkeypatch.setattr("instagram_webhooks.inbox.group.PATIENCE_S", 2.0)
    held, good = (
        door._row("instagram", providers.split("instagram", a_body(a_message(mid)))[0], mid, 1)
        for mid in ("m-held", "m-good")
    )
    held.verdict = verdict
    with psycopg.connect(own_database) as somebody, ThreadPoolExecutor() as pool:
        take_arrays(somebody)
        values = columns([held], door.COLUMNS) | {"memory_days": 30, "told_s": 3.0}
        executed(somebody, door.INSERT, values, prepare=False)  # and does not commit
        door.group._lately.append(2)
        waiting, stored_one = (pool.submit(door.group.write, [row], wait_s=door.WAIT_S) for row in (held, good))

        assert stored_one.result()[0].is_new
        with pytest.raises(StoreUnavailable):
            waiting.result()
        somebody.rollback()

    assert door.group.write([held], wait_s=5)[0].is_new


def test_the_head_is_found_by_its_lane_alone(line_plan):
    values = dict.fromkeys(door.COLUMNS, "{}") | {"memory_days": 30, "told_s": 3.0}

    plan = line_plan(Line(joins_input=True), door.INSERT, values)

    assert "Index Scan using event_lane_order on instagram_webhooks_webhookevent o" in plan
    assert "Index Cond: (lane = " in plan


def test_a_message_its_edit_a_reaction_and_its_deletion_are_four_events():
    stored(
        a_message("m-1"),
        an_item(message_edit={"mid": "m-1", "text": "x", "num_edit": 1}),
        an_item(reaction={"mid": "m-1", "action": "react", "emoji": "x"}),
        a_message("m-1", message={"is_deleted": True}),
    )

    assert WebhookEvent.objects.count() == 4


def test_a_test_of_the_dashboard_is_ignored_and_recorded_each_time():
    for request in ("request-1", "request-2"):
        stored(a_message("random_mid"), account="0", correlation_id=request)

    assert list(WebhookEvent.objects.values_list("state", "reason")) == [("ignored", "test")] * 2
    assert AuditEntry.objects.filter(action="event.ignored").count() == 2


def test_an_event_older_than_the_memory_of_keys_is_expired():
    old = int((timezone.now() - timedelta(days=91)).timestamp() * 1000)

    (event,) = stored(a_message(timestamp=old))

    assert (event.state, event.reason, event.claimable_at) == ("ignored", "expired", None)


def test_a_time_far_ahead_counts_as_the_arrival():
    (event,) = stored(a_message(timestamp=now_ms() + 3_600_000))

    assert event.order_at == event.received_at


def test_a_broken_item_is_one_unreadable_event_beside_its_neighbours():
    events = stored(a_message("m-1"), "no object", a_message("m-2"))

    assert [event.kind for event in events] == ["message", "unreadable", "message"]


def test_clients_with_the_same_events_in_other_orders_meet_no_deadlock():
    items = [a_message(f"m-{n}", sender=str(1000 + n)) for n in range(400)]
    bodies = [a_body(*items[n:], *items[:n]) for n in range(0, 400, 50)]
    gate, failed = threading.Barrier(len(bodies)), []

    def post(body):
        rows = [
            door._row("instagram", event, f"r.{n}", n) for n, event in enumerate(providers.split("instagram", body))
        ]
        line = Line()
        gate.wait()
        try:
            door._write(rows, line)
        except Exception as exc:  # noqa: BLE001 (any error is a failure here)
            failed.append(exc)
        line.close()

    threads = [threading.Thread(target=post, args=[body]) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert WebhookEvent.objects.count() == 400


def test_posts_that_wait_together_share_statements_and_each_learns_its_own_events():
    gate, results = threading.Barrier(20), {}

    def post(n):
        gate.wait()
        body = a_body(a_message(f"m-{n % 10}", sender=str(n % 10)))
        results[n] = door.accept("instagram", providers.split("instagram", body), f"request-{n}")

    threads = [threading.Thread(target=post, args=[n]) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert WebhookEvent.objects.count() == 10
    assert sum(each.is_new for result in results.values() for each in result) == 10
    for n, (result,) in results.items():
        assert WebhookEvent.objects.get(pk=result.event_id).message_digest == door.vault.message_digest(f"m-{n % 10}")

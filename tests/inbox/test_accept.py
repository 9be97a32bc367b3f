"""What the door stores, and what it knows again."""

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from instagram_webhooks import providers
from instagram_webhooks.inbox import accept as door
from instagram_webhooks.inbox.line import Line
from instagram_webhooks.models import EventPayload, WebhookEvent
from instagram_webhooks.vault import open_sealed
from tests.builders import a_body, a_message, an_item, now_ms, stored

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


def test_the_payloads_of_a_large_post_find_their_events_without_a_nested_loop():
    stored(a_message("m-1"))
    line = next(writer.line for writer in door.group._writers if writer.line.raw)
    values = dict.fromkeys(door.COLUMNS, "{}") | {"memory_days": 30}

    plan = "\n".join(row[0] for row in line.run(f"EXPLAIN {door.INSERT}", values))

    assert "Nested Loop" not in plan


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

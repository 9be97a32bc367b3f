"""Queues and workers: how much is ready, how long it waits, who lives, and what each works on."""

import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from instagram_webhooks.desk import beats
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox.wake_ups import Broker
from instagram_webhooks.models import WebhookEvent, Worker
from tests.admin.pages import EVENTS, found, inline_code, shown
from tests.builders import a_message, stored

STORES = pytest.mark.usefixtures("own_database")
WORKERS = "/admin/instagram_webhooks/worker/"


@pytest.fixture
def ops(login):
    return login("view_webhookevent")


@pytest.fixture(autouse=True)
def empty_queues():
    """Both queues of the broker of the tests."""
    import redis
    from django.conf import settings

    with redis.Redis.from_url(settings.CELERY_BROKER_URL) as broker:
        broker.delete("webhook-processing", "upkeep")
        yield broker
        broker.delete("webhook-processing", "upkeep")


def a_worker(silent_s=0, **telling):
    at = timezone.now() - timedelta(seconds=silent_s)
    usual = {"host": "box", "pid": 7, "pool": "threads", "slots": 5, "started_at": at, "pulse_at": at}
    return Worker.objects.create(**usual | telling)


def claimed(worker, *numbers):
    """Events of as many conversations that this worker has."""
    events = stored(*[a_message(f"m-{n}", sender=f"61200000000000{n}") for n in numbers])
    for event in events:
        assert claims.claim(event.pk, worker_id=worker.pk)
    return events


@pytest.mark.django_db
def test_each_process_is_listed_with_its_state_the_last_pulse_first(ops):
    stopped = a_worker(300, pid=1, stopped_at=timezone.now() - timedelta(seconds=299))
    silent = a_worker(120, pid=2)
    alive = a_worker(1, pid=3, in_flight=2, delivered_at=timezone.now())

    assert found(ops, WORKERS) == [alive.pk, silent.pk, stopped.pk]
    page = shown(ops, WORKERS)
    assert re.search(r"box:3 threads, started \d s ago ✓ alive 2 of 5 nothing \d s ago", page)
    assert "box:2 threads, started 2 min ago ✕ silent taken for dead 0 of 5 nothing 2 min ago" in page
    assert "○ stopped" in page
    for state, worker in (("alive", alive), ("silent", silent), ("stopped", stopped)):
        assert found(ops, WORKERS, state=state) == [worker.pk]


@STORES
def test_a_worker_shows_what_it_has_and_for_how_long_and_no_more_than_three(ops):
    worker = a_worker()
    events = claimed(worker, *range(10, 15))

    page = ops.get(WORKERS, secure=True).content.decode()

    linked = [event.pk for event in events if f"{EVENTS}{event.pk}/change/" in page]
    assert len(linked) == 3
    assert "and 2 more" in page
    assert ">message</a> <time" in page
    assert inline_code(page) == []


@pytest.mark.django_db
def test_the_queues_say_how_much_lies_in_them(ops, empty_queues):
    empty_queues.lpush("webhook-processing", "a", "b")
    empty_queues.lpush("upkeep", "c")

    page = shown(ops, WORKERS)

    assert "wake-ups in webhook-processing 2 jobs in upkeep 1" in page
    broker = Broker()
    assert (broker.depth(), broker.depth("upkeep")) == (2, 1)
    broker.close()


@pytest.mark.django_db
def test_a_broker_that_is_away_is_said_so(ops, nowhere):
    assert "wake-ups in webhook-processing no answer jobs in upkeep no answer" in shown(ops, WORKERS)


@STORES
def test_the_delay_is_that_of_the_first_event_that_a_worker_could_take(ops):
    assert "queue delay none" in shown(ops, WORKERS)
    blocked, behind, ready = stored(a_message("m-1"), a_message("m-2"), a_message("m-3", sender="6120000000000099"))
    now = timezone.now()
    WebhookEvent.objects.filter(pk=blocked.pk).update(state="retrying", claimable_at=now + timedelta(hours=1))
    WebhookEvent.objects.filter(pk=behind.pk).update(claimable_at=now - timedelta(hours=1))
    WebhookEvent.objects.filter(pk=ready.pk).update(claimable_at=now - timedelta(seconds=40))

    page = ops.get(WORKERS, secure=True).content.decode()

    assert re.search(rf'{EVENTS}{ready.pk}/change/">4\d s<', page)


@pytest.mark.django_db
def test_a_delay_that_is_not_found_in_time_is_said_to_and_the_page_comes(ops, monkeypatch):
    monkeypatch.setattr("instagram_webhooks.inbox.sweep.OVERDUE", "SELECT pg_sleep(30) /* %(age)s */")
    monkeypatch.setattr(beats, "ASKED_FOR_MS", 50)

    assert "queue delay not found in time" in shown(ops, WORKERS)


@STORES
def test_the_page_takes_as_many_queries_however_many_workers_and_events_there_are(ops):
    claimed(a_worker(), 10)
    with CaptureQueriesContext(connection) as few:
        shown(ops, WORKERS)
    for n in range(12):
        claimed(a_worker(pid=n), 20 + n)
    with CaptureQueriesContext(connection) as many:
        shown(ops, WORKERS)

    assert len(many) == len(few)


@STORES
def test_what_workers_have_is_read_by_its_index():
    worker = a_worker()
    claimed(worker, 10)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the table of the test is small
        plan = WebhookEvent.objects.filter(worker_id__in=[worker.pk]).order_by("claimable_at", "pk").explain()

    assert "one_event_of_a_lane_in_processing" in plan


@pytest.mark.django_db
def test_without_the_right_there_is_no_page(login):
    client = login("view_account")

    assert client.get(WORKERS, secure=True).status_code == 403
    assert "Queues and workers" not in shown(client, "/admin/")


@pytest.mark.django_db
def test_nothing_about_workers_is_changed_here(admin_client):
    worker = a_worker()

    assert admin_client.post(f"{WORKERS}{worker.pk}/delete/", {"post": "yes"}, secure=True).status_code == 403
    assert admin_client.get(f"{WORKERS}{worker.pk}/change/", secure=True).status_code == 302
    assert admin_client.get(f"{WORKERS}add/", secure=True).status_code == 403

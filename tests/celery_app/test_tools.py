"""Celery's own tools against the shipped app, in both pools."""

import contextlib
import json
import uuid

import pytest
from celery import Celery

from tests.processes.process import until
from tests.processes.product import QUEUE, a_message, a_sender

TASK, JOB = "instagram_webhooks.process_event", "instagram_webhooks.housekeeping"
CLEANUP = "celery.backend_cleanup"
STEPS = {"task-received", "task-started", "task-succeeded"}
STRANGER = str(uuid.uuid4())
POOLS = {"threads": "celery.concurrency.thread:TaskPool", "prefork": "celery.concurrency.prefork:TaskPool"}


@pytest.fixture(scope="module", params=POOLS)
def product(installation, request):
    with installation(WORKER_POOL=request.param, REPLY_POLICY="tests.processes.policies.slow") as product:
        product.pool = POOLS[request.param]
        product.worker_process = product.worker("-E")
        product.web()
        yield product


@pytest.fixture
def client(product):
    """A Celery app that knows the broker and nothing else of ours."""
    with Celery("somebody", broker=product.redis_url, set_as_current=False) as app:
        yield app


def test_the_worker_waits_for_no_other_and_listens_to_none(product):
    assert "mingle" not in product.worker_process.text()
    with product.broker() as broker:
        assert broker.smembers("_kombu.binding.celeryev") == set()  # where gossip would hang


def test_the_worker_answers_ping_and_runs_the_pool_of_the_settings(product, client):
    ask = client.control.inspect(timeout=3, limit=1)

    ((_, pong),) = ask.ping().items()
    ((_, stats),) = ask.stats().items()

    assert pong == {"ok": "pong"}
    assert stats["pool"]["implementation"] == product.pool
    assert stats["pool"]["max-concurrency"] == 5


def test_active_tasks_show_event_ids_and_nothing_else(product):
    senders = [a_sender() for _ in range(60)]
    assert product.post_all([a_message(sender=sender) for sender in senders]) == [200] * 60

    active = product.celery("inspect", "active", "--json")

    product.all_ended()
    ((_, tasks),) = json.loads(active).items()
    assert tasks
    known = {str(row["event_id"]) for row in product.rows("SELECT event_id FROM instagram_webhooks_webhookevent")}
    for task in tasks:
        assert (task["name"], task["kwargs"], len(task["args"])) == (TASK, {}, 1)
        assert task["args"][0] in known
    assert [len(product.graph.taken(sender)) for sender in senders] == [1] * 60


def test_a_worker_with_events_on_tells_of_each_task(product, client):
    told = []
    with client.connection_for_read() as connection:
        receiver = client.events.Receiver(connection, handlers={"*": told.append})
        capture = receiver.itercapture(limit=None, timeout=1, wakeup=False)
        next(capture)  # it listens

        event_id = str(product.event(product.post(a_message()))["event_id"])

        def told_whole():
            with contextlib.suppress(TimeoutError, StopIteration):
                next(capture)
            ours = [one["uuid"] for one in told if one["type"] == "task-received" and event_id in one["args"]]
            return any({one["type"] for one in told if one.get("uuid") == uuid} >= STEPS for uuid in ours)

        until(told_whole, "all steps of the task are told")
    assert {one["name"] for one in told if one["type"] == "task-received"} == {TASK}


def test_a_purge_while_events_wait_loses_nothing(product):
    senders = [a_sender() for _ in range(8)]
    until(lambda: product.queued() == 0, "the queue is empty")
    product.worker_process.freeze()

    product.post_all([a_message(sender=sender) for sender in senders])
    until(lambda: product.queued() >= 7, "wake-ups wait")
    said = product.celery("purge", "-f")
    product.worker_process.thaw()

    assert "Purged" in said
    assert set(product.all_ended()) == {"processed"}
    assert [len(product.graph.taken(sender)) for sender in senders] == [1] * 8


def test_malformed_wake_ups_and_tasks_that_nobody_knows_harm_nobody(product, client):
    unknown = str(uuid.uuid4())
    for args in ([42], ["no id"], [None], [["nested"]], [], [unknown], [unknown, "more"]):
        client.send_task(TASK, args=args, queue=QUEUE)
    client.send_task(TASK, kwargs={"x": 1}, queue=QUEUE)
    client.send_task("somebody.else", args=[1], queue=QUEUE, task_id=STRANGER)

    answer = product.post(a_message())

    until(lambda: product.state(answer) == "processed", "the next event is processed")
    until(lambda: product.queued() == 0, "all were taken")
    assert len(product.worker_process.said("wake_up.malformed")) == 4
    assert product.worker_process.is_alive


def test_a_job_leaves_its_result_by_name_and_nothing_leaves_arguments(product, client):
    client.send_task("somebody.else", args=["words of a customer"], queue="upkeep", task_id=STRANGER)
    client.send_task(JOB, queue="upkeep")
    client.send_task(CLEANUP, queue="upkeep")

    kept = "SELECT * FROM django_celery_results_taskresult"
    for job in (JOB, CLEANUP):
        until(lambda job=job: product.rows(f"{kept} WHERE task_name = %s AND status = 'SUCCESS'", job), f"{job} ended")

    (row,) = product.rows(f"{kept} WHERE task_name = %s", JOB)
    assert json.loads(row["result"]).keys() >= {"workers", "tokens"}
    assert row["date_started"] <= row["date_done"]
    assert (row["task_args"], row["task_kwargs"]) == (None, None)
    assert "words of a customer" not in str(product.rows(kept))


def test_a_message_of_beat_is_heard_and_leaves_nothing(product, client):
    client.send_task("instagram_webhooks.beat", queue="upkeep", expires=60)

    until(lambda: product.rows("SELECT * FROM instagram_webhooks_turn WHERE name = 'beat'"), "beat is heard")
    assert product.rows("SELECT * FROM django_celery_results_taskresult WHERE task_name LIKE '%%beat%%'") == []


def test_processing_leaves_no_results(product):
    answer = product.post(a_message())
    until(lambda: product.state(answer) == "processed", "the event is processed")

    # Celery itself notes the failure of a task that is not registered.
    rows = product.rows("SELECT task_id, task_name FROM django_celery_results_taskresult")
    assert [row for row in rows if row["task_id"] != STRANGER and row["task_name"] not in (JOB, CLEANUP)] == []
    with product.broker() as broker:
        assert [key for key in broker.scan_iter() if b"celery-task-meta" in key] == []

"""Upkeep: when each job last ran and what came of it, when it runs next, and whether beat is heard."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app
from celery.schedules import crontab
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import TaskResult

from audit.models import AuditEntry
from instagram_webhooks import tasks
from instagram_webhooks.conf import UPKEEP_QUEUE
from instagram_webhooks.desk import beats, jobs
from instagram_webhooks.models import Turn
from tests.admin.pages import inline_code, said, shown
from tests.admin.test_workers_admin import a_worker, empty_queues

pytestmark = pytest.mark.django_db
UPKEEP = "/admin/instagram_webhooks/turn/"
RUN = f"{UPKEEP}run/housekeeping/"
HOUSEKEEPING = "instagram_webhooks.housekeeping"

__all__ = ["empty_queues"]


@pytest.fixture
def reader(login):
    return login("view_webhookevent")


@pytest.fixture
def ops(login):
    return login("view_webhookevent", "act_on_deadletter")


def ran(ago, *, status="SUCCESS", result=None, took_s=2.5, name=HOUSEKEEPING):
    row = TaskResult.objects.create(task_id=f"t-{timezone.now().timestamp()}", task_name=name, status=status,
                                    result=json.dumps(result))  # fmt: skip
    at = timezone.now() - ago
    TaskResult.objects.filter(pk=row.pk).update(
        date_created=at, date_started=at, date_done=at + timedelta(seconds=took_s)
    )


def test_a_job_says_when_it_ran_what_came_of_it_and_when_it_runs_next(reader):
    ran(timedelta(days=3), status="FAILURE")
    ran(timedelta(hours=5), result={"workers": 3, "tokens": 0})

    page = shown(reader, UPKEEP)

    assert "5 h ago ✓ done 3 workers, 0 tokens 2.5 s" in page
    assert "✕ failed" not in page
    job = jobs.jobs()[0]
    assert (job.name, job.next_at.hour, job.next_at.minute) == ("housekeeping", 3, 20)
    assert timedelta() < job.next_at - timezone.now() <= timedelta(days=1)
    assert f"{job.next_at:%Y-%m-%d %H:%M}" in page


@pytest.mark.parametrize(
    ("ago", "told"),
    [
        ({"status": "FAILURE", "result": "words of an exception"}, "✕ failed"),
        ({"status": "STARTED"}, "✕ did not come to its end"),
        ({"status": "REVOKED"}, "◐ revoked"),
        ({"result": "no counts"}, "✓ done"),
        ({"result": ["x"]}, "✓ done"),
    ],
)
def test_a_run_that_did_not_end_well_is_told_in_a_word(reader, ago, told):
    ran(timedelta(hours=2), **ago)

    page = shown(reader, UPKEEP)

    assert told in page
    assert "words of an exception" not in page


def test_a_job_that_runs_now_is_running(reader):
    ran(timedelta(minutes=2), status="STARTED")

    assert "● running" in shown(reader, UPKEEP)


def test_before_anything_ran_the_page_says_so(reader):
    page = shown(reader, UPKEEP)

    assert "never, as far as results are kept" in page
    assert "Beat was never heard." in page
    assert "◐ not yet" in page


def test_turns_are_in_time_or_late(reader):
    now = timezone.now()
    Turn.objects.create(name="sweep", free_at=now, taken_at=now - timedelta(seconds=4))
    Turn.objects.create(name="figures", free_at=now, taken_at=now - timedelta(minutes=9))

    page = shown(reader, UPKEEP)

    assert "alerts. ✓ in time" in page
    assert "◐ late" in page


def test_the_page_takes_as_many_queries_however_often_jobs_ran(reader):
    with CaptureQueriesContext(connection) as few:
        shown(reader, UPKEEP)
    for hours in range(1, 9):
        ran(timedelta(hours=hours))
    with CaptureQueriesContext(connection) as many:
        shown(reader, UPKEEP)

    assert len(many) == len(few)
    assert inline_code(reader.get(UPKEEP, secure=True).content.decode()) == []


# --- run now -----------------------------------------------------------------------------------------


def test_a_job_is_started_by_hand_once_with_a_reason(ops, empty_queues):
    asked = ops.get(RUN, {"reason": "by a link"}, secure=True)
    empty = ops.post(RUN, {"reason": " "}, secure=True)
    assert (asked.status_code, empty.status_code, empty_queues.llen(UPKEEP_QUEUE)) == (200, 200, 0)

    first, second = (ops.post(RUN, {"reason": "full disk"}, secure=True, follow=True) for _ in range(2))

    assert said(first) == ["housekeeping is on its way to a worker."]
    assert said(second) == ["Nothing was started: housekeeping was, a moment ago."]
    (message,) = empty_queues.lrange(UPKEEP_QUEUE, 0, -1)
    assert json.loads(message)["headers"]["task"] == HOUSEKEEPING
    assert json.loads(message)["headers"]["expires"]
    entry = AuditEntry.objects.get(action="job.started")
    assert (entry.actor, entry.reason, entry.detail) == ("anna", "full disk", {"job": "housekeeping"})


def test_a_job_that_no_worker_took_within_the_hour_is_void(empty_queues):
    before = timezone.now()
    jobs.start("housekeeping", actor="anna", reason="full disk")
    after = timezone.now()

    (message,) = empty_queues.lrange(UPKEEP_QUEUE, 0, -1)
    expires_at = datetime.fromisoformat(json.loads(message)["headers"]["expires"])
    assert before <= expires_at - timedelta(hours=1) <= after


def test_with_the_broker_away_nothing_is_started_and_nothing_is_noted(ops, nowhere):
    page = ops.post(RUN, {"reason": "full disk"}, secure=True, follow=True)

    assert said(page)[0].startswith("Nothing was started: the broker does not answer.")
    assert not AuditEntry.objects.filter(action="job.started").exists()
    assert not Turn.objects.exists()


def test_who_may_only_look_is_offered_no_run_and_can_start_none(reader, empty_queues):
    assert "Run now" not in shown(reader, UPKEEP)
    assert reader.post(RUN, {"reason": "r"}, secure=True).status_code == 403
    assert empty_queues.llen(UPKEEP_QUEUE) == 0


def test_only_jobs_of_the_schedule_can_be_started(ops):
    for name in ("beat", "instagram_webhooks.process_event"):
        assert ops.post(f"{UPKEEP}run/{name}/", {"reason": "r"}, secure=True).status_code == 404


def test_without_the_right_there_is_no_page(login):
    assert login("view_account").get(UPKEEP, secure=True).status_code == 403


# --- beat --------------------------------------------------------------------------------------------


def test_a_message_of_beat_that_comes_through_is_heard():
    tasks.beat()
    tasks.beat()

    at = Turn.objects.get(name="beat").taken_at
    assert timezone.now() - at < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("heard_s", "worked_s", "is_silent"),
    [(20, 600, False), (200, 600, True), (200, 60, False), (None, 60, False), (None, 600, True), (200, None, False)],
)
def test_beat_is_silent_only_where_a_worker_was_there_to_hear_it(heard_s, worked_s, is_silent):
    now = timezone.now()
    heard, worked = (None if ago is None else now - timedelta(seconds=ago) for ago in (heard_s, worked_s))

    assert beats.beat(heard, worked_since=worked).is_silent is is_silent


def test_a_silent_beat_is_told_with_what_it_means(reader):
    a_worker(started_at=timezone.now() - timedelta(hours=1))
    Turn.objects.create(name="beat", free_at=timezone.now(), taken_at=timezone.now() - timedelta(minutes=7))

    assert "Beat has been silent for 7 min. Daily jobs start when it runs" in shown(reader, UPKEEP)


def test_what_beat_starts_goes_to_the_queue_of_upkeep_and_is_void_before_it_comes_again():
    schedule = current_app.conf.beat_schedule

    assert set(schedule) >= {"housekeeping", "celery.backend_cleanup", "beat"}
    for name, entry in schedule.items():
        assert entry["options"]["queue"] == settings.CELERY_TASK_ROUTES[entry["task"]]["queue"] == UPKEEP_QUEUE
        assert entry["options"]["expires"] <= 3600
        # What is counted from the start of beat never comes where beat starts anew each day.
        assert isinstance(entry["schedule"], crontab) or (name, entry["schedule"]) == ("beat", 60.0)


def test_the_next_run_of_what_comes_every_so_often_is_counted_from_the_last():
    last = datetime(2026, 11, 27, 3, tzinfo=UTC)

    assert jobs._next(3600.0, last) == jobs._next(timedelta(hours=1), last) == datetime(2026, 11, 27, 4, tzinfo=UTC)
    assert jobs._next(3600.0, None) is None

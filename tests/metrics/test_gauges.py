"""How the whole stands: true, bounded, and never a figure that nobody counted."""

import os
import threading
import time
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks import metrics
from instagram_webhooks.desk import gauges
from instagram_webhooks.inbox import ages, turn
from instagram_webhooks.models import WebhookEvent, Worker
from instagram_webhooks.states import OPEN, EventState
from instagram_webhooks.worker.upkeep import Upkeep
from tests.admin.test_blocked_admin import plan_of, rows_read
from tests.admin.test_letter_page import dead
from tests.builders import a_message, an_account, knobs, stored
from tests.metrics.scrape import TOKEN

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is kept from the test before."""
    monkeypatch.setattr(gauges, "SERVICES", (gauges.Asked(gauges._of_database), gauges.Asked(gauges._of_broker)))


def told():
    """The numbers by name, those with a label by its value too; and the names of what is not known."""
    found = gauges.readings()
    unknown = {name for (name,), is_so in found.pop(metrics.UNKNOWN).items() if is_so}
    return {(gauge.name, *values): number for gauge, of in found.items() for values, number in of.items()}, unknown


def waits(minutes, state="received", **columns):
    """An event of a lane of its own that came so long ago."""
    at = timezone.now() - timedelta(minutes=minutes)
    (event,) = stored(a_message(f"m-{uuid7()}", sender=str(uuid7().int % 10**15)))
    claimable_at = None if state == "parked" else at
    columns = {"state": state, "received_at": at, "order_at": at, "claimable_at": claimable_at} | columns
    WebhookEvent.objects.filter(pk=event.pk).update(**columns)


def test_a_new_installation_has_nothing_and_says_so(own_database):
    numbers, unknown = told()

    assert numbers == {
        (metrics.DEAD_LETTERS_OPEN.name,): 0, (metrics.CAUSES_OPEN.name,): 0, (metrics.WORKERS_ALIVE.name,): 0,
        (metrics.WAKE_UPS_READY.name,): numbers[metrics.WAKE_UPS_READY.name,],
        **{(metrics.OLDEST_AGE.name, str(state)): 0 for state in OPEN},
    }  # fmt: skip
    assert unknown == {metrics.SWEEP_AGE.name}


def test_letters_causes_and_workers_are_counted():
    now = timezone.now()
    for n, age_s in enumerate((0, 60)):
        Worker.objects.create(host="h", pid=n, pool="threads", slots=5, started_at=now,
                              pulse_at=now - timedelta(seconds=age_s))  # fmt: skip
    dead()

    numbers, _ = told()

    counted = (metrics.DEAD_LETTERS_OPEN, metrics.CAUSES_OPEN, metrics.WORKERS_ALIVE)
    assert [numbers[each.name,] for each in counted] == [1, 1, 1]


def test_the_oldest_of_each_state_is_told_by_when_it_came():
    waits(10)
    waits(20)
    waits(30, "retrying", claimable_at=timezone.now() + timedelta(hours=1))
    waits(5, "retrying")
    waits(40, "parked", reason="token", account="1")
    waits(50, "parked", reason="token", account="2")
    waits(15, "processing", worker_id=uuid7())

    numbers, unknown = told()

    minutes = {str(state): round(numbers[metrics.OLDEST_AGE.name, str(state)] / 60) for state in OPEN}
    assert minutes == {"received": 20, "processing": 15, "retrying": 30, "parked": 50}
    assert metrics.OLDEST_AGE.name not in unknown


def test_a_replay_makes_an_old_event_young_again():
    waits(600, order_at=timezone.now() - timedelta(minutes=3))

    assert round(told()[0][metrics.OLDEST_AGE.name, "received"] / 60) == 3


def test_what_a_walk_does_not_come_to_is_unknown_and_not_young(monkeypatch):
    monkeypatch.setattr(ages, "WALK", 3)
    monkeypatch.setattr(ages, "ACCOUNTS", 2)
    for n in range(3):
        waits(30, "parked", reason="token", account=str(n))
    waits(10, "retrying")

    numbers, unknown = told()

    assert (metrics.OLDEST_AGE.name, "retrying") not in numbers
    assert (metrics.OLDEST_AGE.name, "parked") not in numbers
    assert numbers[metrics.OLDEST_AGE.name, "received"] == 0
    assert metrics.OLDEST_AGE.name in unknown


def test_a_sweep_that_came_to_its_end_is_what_counts(monkeypatch):
    an_account()
    Upkeep().round()
    assert told()[0][metrics.SWEEP_AGE.name,] < 5

    turn.take(0.1)  # whoever takes a turn has not swept yet
    with connection.cursor() as cursor:
        cursor.execute("UPDATE instagram_webhooks_turn SET free_at = now() - interval '90 s' WHERE name = 'sweep done'")

    assert 89 < turn.done_ago_s() < 100


def test_a_question_that_takes_too_long_is_left_out_alone(own_database):
    with psycopg.connect(_url()) as holder:
        holder.execute("LOCK TABLE dead_letters_cause IN ACCESS EXCLUSIVE MODE")

        numbers, unknown = told()

    assert metrics.CAUSES_OPEN.name in unknown
    assert (metrics.CAUSES_OPEN.name,) not in numbers
    assert numbers[metrics.DEAD_LETTERS_OPEN.name,] == 0


def _url():
    base, _, _ = os.environ["DATABASE_URL"].partition("?")
    return f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}"


def test_a_broker_that_is_away_takes_nothing_else_along(nowhere):
    numbers, unknown = told()

    assert metrics.WAKE_UPS_READY.name in unknown
    assert (metrics.WAKE_UPS_READY.name,) not in numbers
    assert (metrics.DEAD_LETTERS_OPEN.name,) in numbers


def test_a_service_that_hangs_holds_up_no_scraper_for_long_and_is_asked_once(monkeypatch):
    hangs, asked = threading.Event(), []

    def ask():
        asked.append(1)
        hangs.wait(30)
        return {}

    monkeypatch.setattr(gauges, "WAIT_S", 0.2)
    monkeypatch.setattr(gauges, "SERVICES", (gauges.Asked(ask),))
    begun = time.monotonic()

    found = [told() for _ in range(3)]

    hangs.set()
    assert time.monotonic() - begun < 5
    assert len(asked) == 1
    assert found == [({}, {each.name for each in metrics.STANDING})] * 3


def test_scrapers_at_the_same_time_and_soon_after_share_one_answer(monkeypatch):
    asked = []

    def ask():
        asked.append(1)
        time.sleep(0.05)
        return {(metrics.WORKERS_ALIVE, ()): 4.0}

    service = gauges.Asked(ask)
    monkeypatch.setattr(gauges, "SERVICES", (service,))
    threads = [threading.Thread(target=told) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told()[0] == {(metrics.WORKERS_ALIVE.name,): 4}
    assert len(asked) == 1
    service._found_at -= gauges.KEPT_S
    assert told()[0] == {(metrics.WORKERS_ALIVE.name,): 4}
    assert len(asked) == 2


def test_an_error_is_no_figure(monkeypatch, caplog):
    def ask():
        raise KeyError("canary")

    monkeypatch.setattr(gauges, "SERVICES", (gauges.Asked(ask),))

    assert told() == ({}, {each.name for each in metrics.STANDING})
    assert [record.message for record in caplog.records] == ["gauges.failed"]


def test_thousands_that_wait_cost_a_look_and_not_a_walk():
    (seed,) = stored(a_message("m-seed"))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO instagram_webhooks_webhookevent
                 (event_id, key, provider, kind, account, conversation_id, lane, correlation_id, state, reason,
                  attempts, starts, fence, received_at, place, order_at, claimable_at, finished_at)
               SELECT gen_random_uuid(), gen_random_uuid(), provider, kind, (n %% 5)::text, lane, gen_random_uuid(),
                      'x', state.name, CASE state.name WHEN 'parked' THEN 'token' ELSE '' END, 0, 0, 0, at, 1, at,
                      CASE WHEN state.name IN ('received', 'retrying') THEN at END,
                      CASE state.name WHEN 'processed' THEN at END
                 FROM instagram_webhooks_webhookevent seed, generate_series(1, 3000) n,
                      (VALUES ('received'), ('retrying'), ('parked'), ('processed')) AS state(name),
                      LATERAL (SELECT now() - n * interval '1 second' AS at) stamp
                WHERE seed.event_id = %s""",
            [seed.pk],
        )
        cursor.execute("ANALYZE instagram_webhooks_webhookevent")

    for state in OPEN:
        plan = plan_of(ages.STATEMENTS[state], {"state": state, "walk": ages.WALK, "accounts": ages.ACCOUNTS})
        assert rows_read(plan["Plan"]) < 100, state
        assert round(ages.oldest_s(state), -1) == (0 if state is EventState.PROCESSING else 3000)


def test_without_a_token_there_is_no_such_page():
    assert Client().get("/metrics").status_code == 404


def test_with_one_it_answers_also_where_this_process_counts_nothing():
    with knobs(metrics_token=TOKEN):
        assert Client().get("/metrics").status_code == 401
        page = Client().get("/metrics", headers={"Authorization": f"bearer {TOKEN}"})
        assert Client().post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405

    assert page.status_code == 200
    assert b"webhooks_workers_alive 0.0" in page.content
    assert b"webhooks_received_total" not in page.content

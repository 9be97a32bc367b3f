"""Events are locked in the order of their ids; else two processes that are at the same ones wait for each other."""

import re
import threading

import psycopg
import pytest

from audit.ids import uuid7
from instagram_webhooks.inbox.line import Line
from instagram_webhooks.worker import commits, taking
from tests.builders import PERSON
from tests.processes.process import until
from tests.worker.test_commits import begun, claimed, ended, rows

pytestmark = pytest.mark.usefixtures("shop")

__all__ = ["rows"]


@pytest.mark.parametrize("step", ["begin", "end"])
def test_whoever_waits_for_an_event_has_locked_none_of_a_later_id(step, rows, own_database, monkeypatch):
    first, second = sorted(claimed(PERSON, "9"), key=lambda claim: claim.event_id)
    batch, act = begun(rows, second, first), commits._begin_all
    if step == "end":
        commits._begin_all(batch)
        act = commits._end_all
        batch = [ended(rows, claim, row.reply_id, f"mid-{claim.event_id}")
                 for claim, row in zip((second, first), batch, strict=True)]  # fmt: skip
    monkeypatch.setattr(commits, "line", Line(lock_wait_ms=60_000))

    with psycopg.connect(own_database) as somebody, psycopg.connect(own_database, autocommit=True) as other:
        event = "SELECT FROM instagram_webhooks_webhookevent WHERE event_id = %s FOR UPDATE SKIP LOCKED"
        assert somebody.execute(event, [first.event_id]).rowcount == 1
        waiting = threading.Thread(target=act, args=[batch])
        waiting.start()
        locks = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: other.execute(locks).rowcount > 0, what="the statement waits for the first")
        is_free = other.execute(event, [second.event_id]).rowcount == 1
        somebody.rollback()
        waiting.join(60)

    assert is_free


def test_a_claim_of_many_goes_through_its_events_in_that_order(line_plan):
    """By its plan: it skips what is locked, so nobody can be seen to wait."""
    values = {"ids": "{}", "lanes": "{}", "worker": uuid7(), "lease": 30.0}

    plan = line_plan(taking.line, taking._TAKE, values)

    _, under_the_locks = plan.split("LockRows", 1)
    assert re.search(r"Sort Key: first\w*\.event_id\n", under_the_locks.partition("CTE taken")[0])

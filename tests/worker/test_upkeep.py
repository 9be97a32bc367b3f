"""Rounds of upkeep, and the pauses between sweeps."""

import asyncio
import contextlib
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection

from instagram_webhooks.inbox import turn, wake_ups
from instagram_webhooks.inbox.sweep import Swept
from instagram_webhooks.worker import upkeep
from tests.builders import knobs
from tests.processes.process import until

pytestmark = pytest.mark.usefixtures("own_database")


@contextlib.contextmanager
def running(rounds):
    """In a thread, whose connection is closed at its end."""

    def run():
        rounds.run()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        rounds.stop()
        thread.join()


def test_one_slow_sweep_makes_no_pause_and_two_in_a_row_do(monkeypatch):
    took = iter([5.0, 4.0, 0.0])
    monkeypatch.setattr(upkeep, "sweep", lambda *_args, **_more: Swept(was_ours=True, took_s=next(took)))
    pauses = []
    monkeypatch.setattr(turn, "rest", pauses.append)
    rounds = upkeep.Upkeep()

    for _ in range(3):
        rounds.round()

    assert pauses == [0.0, 4.0, 0.0]


def test_a_part_that_the_database_refuses_takes_no_other_along(monkeypatch):
    def fails(*_args, **_more):
        raise OperationalError("canceling statement due to statement timeout")

    told = []
    monkeypatch.setattr(upkeep, "sweep", fails)
    monkeypatch.setattr(upkeep.rounds, "run", lambda: told.append("alarms"))

    assert not upkeep.Upkeep().round().swept.was_ours
    assert told == ["alarms"]


def test_wake_ups_that_have_not_left_yet_count_as_waiting_in_the_queue(monkeypatch):
    monkeypatch.setattr(upkeep.Broker, "depth", lambda self: 3)
    publisher = wake_ups.Publisher()  # one without a thread: that of this process must not see these
    publisher._waiting.extend([uuid.uuid4(), uuid.uuid4()])
    monkeypatch.setattr(wake_ups, "publisher", publisher)

    assert upkeep.Upkeep()._depth() == 5


def test_replays_of_many_go_on_between_two_sweeps_and_as_long_as_any_runs(monkeypatch):
    went = []
    monkeypatch.setattr(upkeep, "REPLAYS_EVERY_S", 0.05)
    monkeypatch.setattr(upkeep.batch_run, "run", lambda: went.append(time.monotonic()))
    monkeypatch.setattr(upkeep.batch_run, "is_any_waiting", lambda: len(went) < 3)
    monkeypatch.setattr(upkeep, "sweep", lambda *_args, **_more: Swept(was_ours=True))
    with knobs(sweep_interval_s=1.5), running(upkeep.Upkeep()):
        until(lambda: len(went) == 4, "the next round looks again")

    assert went[2] - went[0] < 1.0  # with the first round, and before the second
    assert went[3] - went[2] > 0.5


def test_a_mistake_in_a_replay_ends_no_upkeep(monkeypatch):
    tried = []

    def fails():
        tried.append(1)
        raise LookupError("nobody registered")

    monkeypatch.setattr(upkeep, "REPLAYS_EVERY_S", 0.05)
    monkeypatch.setattr(upkeep.batch_run, "run", fails)
    monkeypatch.setattr(upkeep, "sweep", lambda *_args, **_more: Swept(was_ours=True))
    with knobs(sweep_interval_s=0.2), running(upkeep.Upkeep()):
        until(lambda: len(tried) == 3, "the next rounds try it again")


def test_what_is_replayed_together_wakes_workers_one_after_the_other(monkeypatch):
    offered = []
    monkeypatch.setattr(wake_ups, "offer", lambda ids: offered.append((time.monotonic(), list(ids))))
    ids = [uuid.uuid4() for _ in range(5)]

    wake_ups.offer_evenly(ids, over_s=0.5)
    until(lambda: len(offered) == 5, "all were offered")

    assert [each for _, each in offered] == [[event_id] for event_id in ids]
    assert offered[-1][0] - offered[0][0] >= 0.4


def test_whoever_stops_upkeep_waits_for_the_event_that_it_works_off_itself(monkeypatch):
    is_at_it, may_end, ended = threading.Event(), threading.Event(), []

    def work_off(event_id):
        is_at_it.set()
        assert may_end.wait(10)
        ended.append(event_id)

    monkeypatch.setattr(upkeep.work, "process", work_off)
    rounds, due = upkeep.Upkeep(), [uuid.uuid4(), uuid.uuid4()]
    thread = threading.Thread(target=lambda: (rounds._process(due), connection.close()))
    thread.start()
    assert is_at_it.wait(10)
    threading.Timer(0.2, may_end.set).start()

    rounds.stop(wait_s=10)

    assert ended == due[:1]
    thread.join(10)
    assert ended == due[:1]


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, KeyboardInterrupt])
def test_what_a_policy_lets_out_ends_no_upkeep(monkeypatch, error):
    """With the broker away it works off events itself."""
    due, tried = [uuid.uuid4(), uuid.uuid4()], []

    def lets_out(event_id):
        tried.append(event_id)
        raise error

    monkeypatch.setattr(upkeep.work, "process", lets_out)

    with ThreadPoolExecutor(1) as aside:
        assert aside.submit(upkeep.Upkeep(processes=True)._process, due).result() == 2
    assert tried == due


def test_ctrl_c_ends_a_round_by_hand(monkeypatch):
    """`manage.py sweep --once` works in the main thread, where Python tells of it."""
    tried = []

    def interrupted(event_id):
        tried.append(event_id)
        raise KeyboardInterrupt

    monkeypatch.setattr(upkeep.work, "process", interrupted)

    with pytest.raises(KeyboardInterrupt):
        upkeep.Upkeep(processes=True)._process([uuid.uuid4(), uuid.uuid4()])
    assert len(tried) == 1

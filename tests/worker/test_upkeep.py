"""Rounds of upkeep, and the pauses between sweeps."""

import uuid

import pytest
from django.db import OperationalError

from instagram_webhooks.inbox import turn, wake_ups
from instagram_webhooks.inbox.sweep import Swept
from instagram_webhooks.worker import upkeep

pytestmark = pytest.mark.usefixtures("own_database")


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

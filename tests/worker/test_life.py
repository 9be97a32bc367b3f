"""What a worker knows of its slots."""

import pytest

from audit.ids import uuid7
from instagram_webhooks.worker import life as module
from instagram_webhooks.worker.life import Life


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_a_slot_that_is_long_at_one_event_is_told(clock):
    life = Life()
    life.beat(every_s=2)

    with life.busy(uuid7()):
        for _ in range(10):
            clock.now += 2
            life.beat(every_s=2)
        assert life.longest_s() == 20

    assert life.longest_s() == 0


def test_of_a_database_that_stood_still_no_slot_is_taken_for_stuck(clock):
    life = Life()
    life.beat(every_s=2)

    with life.busy(uuid7()):
        clock.now += 20
        assert life.longest_s() == 0  # no heartbeat could be written for so long
        life.beat(every_s=2)
        clock.now += 3
        assert life.longest_s() == 3


def test_a_slot_that_was_stuck_before_the_database_stood_still_is_not_forgiven(clock):
    life = Life()
    life.beat(every_s=2)

    with life.busy(uuid7()):
        for _ in range(10):  # each gap is too long for a heartbeat
            clock.now += 3
            life.beat(every_s=2)
            clock.now += 7
            life.beat(every_s=2)
        assert life.longest_s() == 30

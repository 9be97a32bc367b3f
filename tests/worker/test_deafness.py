from types import SimpleNamespace

import pytest
from celery import Celery

from instagram_webhooks.conf import QUEUE
from instagram_webhooks.worker import boot
from instagram_webhooks.worker.deafness import EVERY_S, IN_A_ROW, Deafness


class Worker:
    """A worker whose clock, queue and slots the test moves."""

    def __init__(self):
        self.now, self.ready, self.free = 0.0, 1, 1
        self.deafness = Deafness(ready=lambda: self.ready, free_slots=lambda: self.free, clock=lambda: self.now)

    def sample(self, **changes):
        vars(self).update(changes)
        self.now += EVERY_S
        return self.deafness.is_certain()

    def samples(self, count, **changes):
        return [self.sample(**changes) for _ in range(count)]


def test_a_worker_that_gets_nothing_of_what_is_ready_is_deaf_after_six_samples():
    worker = Worker()

    assert worker.samples(IN_A_ROW) == [False] * (IN_A_ROW - 1) + [True]


@pytest.mark.parametrize(
    "well",
    [{"ready": 0}, {"ready": None}, {"free": 0}],
    ids=["idle", "broker away", "busy"],
)
def test_a_worker_that_idles_or_is_busy_is_never_deaf(well):
    assert not any(Worker().samples(20, **well))


@pytest.mark.parametrize("well", [{"ready": 0}, {"free": 0}])
def test_one_sample_in_between_that_has_an_explanation_begins_the_count_anew(well):
    worker = Worker()
    worker.samples(IN_A_ROW - 1)
    worker.sample(**well)

    assert not any(worker.samples(IN_A_ROW - 1, ready=1, free=1))


def test_a_message_between_two_samples_begins_the_count_anew():
    worker = Worker()
    worker.samples(IN_A_ROW - 1)
    worker.deafness.heard()

    assert not any(worker.samples(IN_A_ROW))


def test_looking_more_often_takes_no_more_samples():
    worker = Worker()
    worker.samples(IN_A_ROW - 1)

    assert not any(worker.deafness.is_certain() for _ in range(10))


def test_a_worker_that_was_told_to_leave_the_queue_has_no_slot_that_should_hear():
    app = Celery(set_as_current=False)
    app.amqp.queues.select_add(QUEUE)
    consumer = SimpleNamespace(app=app, pool=SimpleNamespace(num_processes=2))
    before = boot.free_slots(consumer)

    app.amqp.queues.deselect(QUEUE)  # what `control cancel_consumer` does
    cancelled = boot.free_slots(consumer)
    app.amqp.queues.select_add(QUEUE)  # what `control add_consumer` does

    assert (before, cancelled, boot.free_slots(consumer)) == (2, 0, 2)

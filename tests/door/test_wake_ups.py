"""The publisher: never in the way, whatever the broker does."""

import os
import time

import pytest
from celery import current_app

from audit.ids import uuid7
from instagram_webhooks.conf import QUEUE
from instagram_webhooks.inbox import wake_ups
from instagram_webhooks.inbox.wake_ups import KEPT, Broker, BrokerAway, Publisher
from tests.builders import knobs


@pytest.fixture
def queue():
    """The real queue, empty; what other tests offered has left by then."""
    wake_ups.publisher.flush(5)
    with current_app.connection_for_write() as connection:
        channel = connection.default_channel
        current_app.amqp.queues[QUEUE](channel).declare()
        channel.queue_purge(QUEUE)
        yield channel
        channel.queue_purge(QUEUE)


def test_no_other_process_of_a_parallel_run_has_this_queue():
    assert current_app.conf.broker_url == os.environ["REDIS_URL"]


def test_an_offered_event_becomes_one_message_that_carries_its_id_alone(queue):
    event_id = uuid7()
    publisher = Publisher()

    publisher.offer([event_id])

    assert publisher.flush(5)
    message = queue.basic_get(QUEUE)
    assert message.payload[0] == [str(event_id)]
    assert message.headers["task"] == "instagram_webhooks.process_event"
    assert queue.basic_get(QUEUE) is None


def test_an_empty_queue_has_the_depth_zero(queue):
    broker = Broker()

    assert broker.depth() == 0
    broker.publish([uuid7(), uuid7()])
    assert broker.depth() == 2


def test_offering_takes_no_time_and_keeps_no_more_than_its_bound_while_the_broker_is_away(nowhere):
    publisher, ids = Publisher(), [uuid7() for _ in range(KEPT + 500)]
    begun = time.monotonic()

    publisher.offer(ids)

    assert time.monotonic() - begun < 1
    assert publisher.dropped >= 500 - wake_ups.AT_ONCE
    assert not publisher.flush(0.2)
    # Or they would come out when the next test has a broker.
    publisher._waiting.clear()
    assert publisher._empty.wait(10)


def test_a_broker_that_is_away_is_said_so(nowhere):
    with pytest.raises(BrokerAway):
        Broker().depth()


def test_no_wake_ups_are_offered_to_a_queue_that_is_full(queue):
    publisher = Publisher()
    with knobs(queue_limit=2):
        publisher.offer([uuid7(), uuid7()])
        publisher.flush(5)
        publisher.offer([uuid7()])
        publisher.flush(5)

    assert Broker().depth() == 2
    assert publisher.dropped == 1


@pytest.mark.parametrize(("offers", "dropped"), [(2, 0), (3, 1)])
def test_the_queue_takes_wake_ups_again_once_it_is_shorter(queue, offers, dropped):
    publisher = Publisher()
    with knobs(queue_limit=2):
        for _ in range(offers):
            publisher.offer([uuid7()])
            publisher.flush(5)
        queue.queue_purge(QUEUE)
        publisher.offer([uuid7()])
        publisher.flush(5)

    assert (Broker().depth(), publisher.dropped) == (1, dropped)


def test_how_long_the_queue_is_redis_says_with_each_message(queue, monkeypatch):
    asked = []
    monkeypatch.setattr(Broker, "depth", lambda self: asked.append(self) or 0)
    publisher = Publisher()

    for _ in range(3):
        publisher.offer([uuid7()])
        publisher.flush(5)

    assert len(asked) == 1
    assert Broker().publish([uuid7()]) == 4


def test_a_thread_that_could_not_start_is_started_with_the_next_offer(queue, refused_thread):
    refusals = refused_thread("wake-ups")
    publisher = Publisher()

    publisher.offer([uuid7()])
    assert not refusals
    publisher.offer([uuid7()])

    assert publisher.flush(5)
    assert Broker().depth() == 2


def test_after_a_fork_the_child_has_a_publisher_of_its_own(queue):
    publisher = Publisher()
    publisher.offer([uuid7()])
    publisher.flush(5)
    ready, done = os.pipe()

    child = os.fork()
    if child == 0:
        publisher.offer([uuid7()])
        os.write(done, b"1" if publisher.flush(5) else b"0")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(ready, 1) == b"1"
    assert Broker().depth() == 2

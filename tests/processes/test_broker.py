"""The broker away, emptied or purged: the door does not notice, and nothing is lost."""

import pytest

from simulator import bodies
from simulator.meta_wire import wire
from tests.processes.process import until
from tests.processes.product import ACCOUNT, QUEUE, a_message, a_sender

P99_S = 0.25


@pytest.fixture(scope="module")
def product(installation):
    with installation() as product:
        product.worker_process = product.worker()
        product.web()
        yield product


def answered_once(product, senders):
    return [len(product.graph.taken(sender)) for sender in senders] == [1] * len(senders)


def test_webhooks_are_taken_while_the_broker_is_dead_and_worked_off_after_it_returns(product):
    senders = [a_sender() for _ in range(10)]
    messages = [a_message(sender=sender) for sender in senders]
    now = messages[0]["entry"][0]["time"]
    reads = [bodies.read(f"m-{n}", sender=a_sender(), account=ACCOUNT, at_ms=now) for n in range(90)]
    whole = [
        wire(body) for body in messages + [bodies.messaging_body([read], account=ACCOUNT, at_ms=now) for read in reads]
    ]
    product.post(a_message())  # a connection to the broker is open, and breaks

    product.redis.kill()
    with product.sender() as sender:
        answers = [sender.post_raw(raw) for raw in whole]
    back_at = product.value("SELECT clock_timestamp()")
    product.redis.start()

    assert [answer.status for answer in answers] == [200] * 100
    assert sorted(answer.seconds for answer in answers)[98] < P99_S
    assert product.all_ended(within_s=60) == {"processed": 101}
    assert answered_once(product, senders)
    woken = "SELECT count(*) FROM instagram_webhooks_worker WHERE delivered_at > %s AND stopped_at IS NULL"
    product.post(a_message())
    until(lambda: product.value(woken, back_at), "the broker wakes the same worker again", within_s=60)
    assert product.worker_process.is_alive


def flushed(product):
    with product.broker() as broker:
        broker.flushall()


def purged(product):
    assert "Purged" in product.celery("purge", "-f")


@pytest.mark.parametrize("emptied", [flushed, purged])
def test_a_queue_that_is_emptied_while_events_wait_loses_nothing(product, emptied):
    senders = [a_sender() for _ in range(12)]
    product.all_ended()
    until(lambda: product.queued() == 0, "the queue is empty")
    product.worker_process.freeze()

    assert product.post_all([a_message(sender=sender) for sender in senders]) == [200] * 12
    # One of them may have gone to the frozen worker's open question.
    until(lambda: product.queued() >= 11, f"wake-ups wait in {QUEUE}")
    emptied(product)
    left = product.queued()
    product.worker_process.thaw()

    assert left == 0
    assert set(product.all_ended()) == {"processed"}
    assert answered_once(product, senders)

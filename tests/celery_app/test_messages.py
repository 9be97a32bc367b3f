"""What lies in the broker: a wake-up is a message of Celery's own, and only short retries are held there."""

import base64
import json
import uuid

import pytest
from celery.exceptions import Retry

from instagram_webhooks.tasks import process_event
from instagram_webhooks.worker.retries import LONGEST_HELD_S, MOST_HELD, Held, TryAgain
from tests.processes.process import until
from tests.processes.product import QUEUE, a_message, a_sender

OF_ONE_MESSAGE = {"id", "root_id", "correlation_id", "delivery_tag", "reply_to"}


@pytest.fixture(scope="module")
def product(installation):
    with installation() as product:
        yield product


def comparable(raw):
    """A message without what differs between any two: ids and the process that made it."""
    message = json.loads(raw)
    body = json.loads(base64.b64decode(message.pop("body")))
    headers = message["headers"]
    headers["origin"] = headers["origin"].partition("@")[2]
    for part in (headers, message["properties"]):
        for name in OF_ONE_MESSAGE & set(part):
            part[name] = type(part[name]).__name__
    return message | {"body": body}


def test_our_wake_up_is_the_message_that_apply_async_publishes(product):
    event_id = str(uuid.uuid4())

    product.run("-m", "tests.celery_app.publish", event_id)

    with product.broker() as broker:
        theirs, ours = broker.lrange(QUEUE, 0, -1)
        broker.delete(QUEUE)
    assert comparable(ours) == comparable(theirs)
    assert comparable(ours)["body"][:2] == [[event_id], {}]


def test_a_short_wait_is_held_by_celery_and_a_long_one_by_the_row_alone(product):
    product.worker_process = product.worker()
    product.web()
    short, long = a_sender(), a_sender()
    product.graph.script(short, ["429:50"])
    product.graph.script(long, ["429:90"])

    held = product.post(a_message(sender=short))
    until(lambda: product.state(held) == "retrying", "the short one waits")
    product.execute("UPDATE instagram_webhooks_account SET paused_until = NULL")
    unheld = product.post(a_message(sender=long))
    until(lambda: product.state(unheld) == "retrying", "the long one waits")

    ((_, scheduled),) = json.loads(product.celery("inspect", "scheduled", "--json")).items()
    assert [one["request"]["args"] for one in scheduled] == [[str(product.event(held)["event_id"])]]
    assert product.queued() == 0
    product.execute("UPDATE instagram_webhooks_account SET paused_until = NULL")
    product.execute(
        "UPDATE instagram_webhooks_webhookevent SET claimable_at = clock_timestamp()"
    )  # their time has come
    assert product.all_ended() == {"processed": 2}
    assert [len(product.graph.taken(sender)) for sender in (short, long)] == [1, 1]


def test_a_wait_of_more_than_a_minute_is_not_published():
    with pytest.raises(Retry):
        process_event.retry(exc=TryAgain(event_id=uuid.uuid4(), wait_s=LONGEST_HELD_S + 1))


def test_a_worker_holds_few_countdowns_so_that_it_does_not_go_deaf():
    now = [0.0]
    held = Held(clock=lambda: now[0])

    taken = [held.take(10.0) for _ in range(MOST_HELD + 1)]
    now[0] = 10.5
    later = held.take(10.0)

    assert taken == [True] * MOST_HELD + [False]
    assert later

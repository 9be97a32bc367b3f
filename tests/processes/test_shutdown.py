"""The end of a worker in the middle of its work: in order, in time, with nothing lost or doubled."""

import signal

import pytest

from simulator import bodies
from tests.processes.process import until
from tests.processes.product import ACCOUNT, a_sender

GRACE_S = 30  # what supervisors give
PEOPLE, MESSAGES = 12, 3
CLAIMS = "SELECT sum(fence) FROM instagram_webhooks_webhookevent"


@pytest.fixture(scope="module")
def product(installation):
    with installation() as product:
        product.graph.settings(latency_s=0.2)
        product.web()
        yield product


def conversations(senders):
    """One body with the messages of all these people."""
    now = bodies.message_body("", sender="1", account=ACCOUNT)["entry"][0]["time"]
    items = [
        bodies.message(f"{n}", sender=sender, account=ACCOUNT, mid=f"{sender}-{n}", at_ms=now + n)
        for n in range(MESSAGES)
        for sender in senders
    ]
    return bodies.messaging_body(items, account=ACCOUNT, at_ms=now)


@pytest.mark.parametrize(
    ("pool", "number"), [("threads", signal.SIGTERM), ("threads", signal.SIGINT), ("prefork", signal.SIGTERM)]
)
def test_a_worker_that_is_told_to_stop_ends_in_order_and_its_successor_does_the_rest(product, pool, number):
    senders = [a_sender() for _ in range(PEOPLE)]
    worker = product.worker(REPLY_POLICY="tests.processes.policies.slow", WORKER_POOL=pool)
    assert product.post(conversations(senders)).status == 200
    until(lambda: any(product.graph.taken(sender) for sender in senders), "the worker is at work")

    worker.signal(number)
    until(lambda: worker.said("worker.stopping"), "it has heard the signal")
    claims = product.value(CLAIMS)
    code = worker.exit_code(within_s=GRACE_S)

    assert code == 0
    assert product.value(CLAIMS) - claims <= (0 if pool == "threads" else 0)
    left = product.states()
    assert left["received"] > 0
    assert "processing" not in left
    successor = product.worker()
    assert set(product.all_ended()) == {"processed"}
    said = {sender: [call.text for call in product.graph.taken(sender)] for sender in senders}
    assert said == {sender: [f"re {n}" for n in range(MESSAGES)] for sender in senders}
    successor.kill()

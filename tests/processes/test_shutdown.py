"""The end of a worker in the middle of its work: in order, in time, with nothing lost or doubled."""

import signal

import pytest

from simulator import bodies
from tests.processes.process import until
from tests.processes.product import ACCOUNT, a_sender

GRACE_S = 30  # what supervisors give
PEOPLE, MESSAGES = 12, 4
SLOW = "tests.processes.policies.slow"
# A pool, and the signals that it is sent one after the other.
ENDS = [
    ("threads", [signal.SIGTERM]),
    ("threads", [signal.SIGINT, signal.SIGINT]),
    ("prefork", [signal.SIGTERM, signal.SIGTERM]),
]
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


def stopped(product, worker, numbers):
    """How a worker ended that was told to in the middle of its work; it claims nothing afterwards."""
    before = len(product.graph.taken())
    until(lambda: len(product.graph.taken()) > before, "it is at work")
    worker.signal(numbers[0])
    until(lambda: worker.said("worker.stopping"), "it has heard the signal")
    claims = product.value(CLAIMS)
    for number in numbers[1:]:
        worker.signal(number)
    code = worker.exit_code(within_s=GRACE_S)
    assert product.value(CLAIMS) == claims
    assert "processing" not in product.states()
    assert "Traceback (most" not in worker.text()
    return code


def test_workers_that_are_told_to_stop_end_in_order_and_their_successors_do_the_rest(product):
    senders = [a_sender() for _ in range(PEOPLE)]
    assert product.post(conversations(senders)).status == 200

    codes = [stopped(product, product.worker(REPLY_POLICY=SLOW, WORKER_POOL=pool), numbers) for pool, numbers in ENDS]
    left = product.states()
    pools = {row["pool"] for row in product.rows("SELECT DISTINCT pool FROM instagram_webhooks_worker")}
    product.worker()

    assert codes == [0] * len(ENDS)
    assert pools == {"threads", "prefork"}
    assert left["received"] > 0
    assert set(product.all_ended()) == {"processed"}
    said = {sender: [call.text for call in product.graph.taken(sender)] for sender in senders}
    assert said == {sender: [f"re {n}" for n in range(MESSAGES)] for sender in senders}

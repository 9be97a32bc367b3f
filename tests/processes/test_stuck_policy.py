"""A policy that does not come back, alone in this file: its test waits for the worker's own deadline."""

import signal

import pytest

from tests.processes.process import until
from tests.processes.product import a_message, a_sender


@pytest.fixture
def product(installation):
    with installation(WEBHOOK_LEASE_S="60") as product:
        product.web()
        yield product


def test_a_policy_that_hangs_does_not_hold_the_end_of_its_worker(product):
    sender = a_sender()
    worker = product.worker(REPLY_POLICY="tests.processes.policies.stuck")
    answer = product.post(a_message(sender=sender))
    until(lambda: product.state(answer) == "processing", "the policy was asked")

    worker.signal(signal.SIGTERM)
    code = worker.exit_code(within_s=30)

    assert code == 0
    assert worker.said("worker.ends_by_force")
    assert product.state(answer) == "received"  # given back, long before its lease would end
    product.worker()
    assert product.all_ended() == {"processed": 1}
    assert [call.text for call in product.graph.taken(sender)] == ["re hello"]

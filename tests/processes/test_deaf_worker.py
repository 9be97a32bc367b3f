"""A worker that is connected and gets nothing ends for its supervisor to start another."""

import os

import pytest

from tests.processes.process import until
from tests.processes.product import a_message, a_sender

POOLS = ("threads", "prefork")


@pytest.fixture
def product(installation):
    with installation(WORKER_CONCURRENCY="2") as product:
        product.web()
        yield product


def test_a_worker_that_no_longer_listens_ends_unwell_once_messages_wait_and_its_successor_answers_them(product):
    workers = [
        product.start("worker", "tests.processes.impatient_worker", "-A", "webhooks_project", "worker",
                      "-n", f"{pool}@here", WORKER_POOL=pool)
        for pool in POOLS
    ]  # fmt: skip
    until(lambda: all(" ready." in worker.text() for worker in workers), "both seem to listen")
    senders = [a_sender() for _ in range(4)]

    product.celery("inspect", "active_queues")  # takes a while, in which they merely idle
    assert all(worker.is_alive for worker in workers)
    product.post_all([a_message(sender=sender) for sender in senders])

    assert [worker.exit_code(within_s=30) for worker in workers] == [os.EX_SOFTWARE] * 2
    assert [len(worker.said("worker.deaf")) for worker in workers] == [1, 1]
    unwell = product.rows("SELECT pid FROM instagram_webhooks_worker WHERE unwell = 'deaf'")
    assert {row["pid"] for row in unwell} == {worker.pid for worker in workers}
    product.worker()
    assert product.all_ended() == {"processed": 4}
    assert [len(product.graph.taken(sender)) for sender in senders] == [1] * 4

"""A policy that does not come back, alone in this file: its test waits for the worker's own deadline."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.process import until
from tests.processes.product import a_message, a_sender

SLOTS, PEOPLE = 2, 12
# A pool, and the signals that it is sent one after the other.
ENDS = [
    ("threads", [signal.SIGTERM]),
    ("threads", [signal.SIGINT, signal.SIGINT, signal.SIGTERM]),
    ("prefork", [signal.SIGTERM, signal.SIGTERM]),
    ("prefork", [signal.SIGINT, signal.SIGINT]),
]
POOLS = "SELECT pool, count(*) FROM instagram_webhooks_worker GROUP BY pool"


@pytest.fixture
def product(installation):
    with installation(WEBHOOK_LEASE_S="90", WORKER_CONCURRENCY=str(SLOTS)) as product:
        product.web()
        yield product


def ended(worker, numbers):
    worker.signal(numbers[0])
    until(lambda: worker.said("worker.stopping"), "it has heard the signal")
    for count, number in enumerate(numbers[1:], start=1):
        worker.signal(number)
        until(lambda n=count: len(worker.said("worker.stops_already")) == n, "it has heard the next one")
    return worker.exit_code(within_s=30)


def test_a_policy_that_hangs_does_not_hold_the_end_of_its_worker_however_often_it_is_told(product):
    senders = [a_sender() for _ in range(PEOPLE)]
    stuck = {"REPLY_POLICY": "tests.processes.policies.stuck"}
    workers = [
        product.starting_worker("-n", f"w{n}@here", WORKER_POOL=pool, **stuck) for n, (pool, _) in enumerate(ENDS)
    ]
    until(lambda: all(" ready." in worker.text() for worker in workers), "all of them listen")
    product.post_all([a_message(sender=sender) for sender in senders])
    until(lambda: product.states().get("processing") == SLOTS * len(ENDS), "all slots are busy, and others wait")
    assert {row["pool"]: row["count"] for row in product.rows(POOLS)} == {"threads": 2, "prefork": 2 * SLOTS}

    with ThreadPoolExecutor(len(ENDS)) as together:
        codes = list(together.map(ended, workers, [numbers for _, numbers in ENDS]))

    assert codes == [0] * len(ENDS)
    assert all(worker.said("worker.ends_by_force") for worker in workers)
    assert not any("Traceback (most" in worker.text() for worker in workers)
    assert product.states() == {"received": PEOPLE}  # given back, long before their leases would end
    assert product.value("SELECT max(starts) FROM instagram_webhooks_webhookevent") == 0  # and no start counted
    product.worker()
    assert product.all_ended() == {"processed": PEOPLE}
    assert [[call.text for call in product.graph.taken(sender)] for sender in senders] == [["re hello"]] * PEOPLE

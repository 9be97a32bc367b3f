"""A child of a prefork pool is lost: what it held moves on at once, without its silence being waited for."""

import signal

import pytest

from tests.processes.process import until
from tests.processes.product import a_message, a_sender

POOLS = "SELECT pool, stopped_at IS NULL AS lives, count(*) FROM instagram_webhooks_worker GROUP BY 1, 2"


@pytest.fixture
def product(installation):
    with installation(
        WORKER_POOL="prefork",
        WORKER_CONCURRENCY="2",
        WORKER_SILENT_S="300",
        WEBHOOK_LEASE_S="300",
        REPLY_POLICY="tests.processes.policies.killing",
    ) as product:
        product.web()
        yield product


def test_an_event_whose_child_is_lost_moves_on_at_once_and_is_buried_alone_the_third_time(product):
    killer, neighbour = a_sender(), a_sender()
    worker = product.worker()

    deadly = product.post(a_message("die", sender=killer))
    for sender in (killer, neighbour):
        product.post(a_message(sender=sender))

    until(lambda: product.state(deadly) == "dead", "the event is buried, long before silence or lease")
    assert product.all_ended() == {"dead": 1, "processed": 2}
    assert product.value("SELECT code FROM dead_letters_deadletter") == "worker_killer"
    assert [len(product.graph.taken(sender)) for sender in (killer, neighbour)] == [1, 1]
    assert worker.is_alive
    pools = product.rows(
        "SELECT pool, stopped_at IS NULL AS lives, count(*) FROM instagram_webhooks_worker GROUP BY 1, 2"
    )
    assert {(row["pool"], row["lives"]): row["count"] for row in pools} == {
        ("prefork", False): 2,
        ("prefork", True): 2,
    }

    worker.signal(signal.SIGTERM)
    assert worker.exit_code(within_s=30) == 0

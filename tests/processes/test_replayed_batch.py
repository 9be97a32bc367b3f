"""A replay of many survives kill -9 of the worker that runs it: every letter goes once, each conversation in order."""

import pytest

from tests.processes.freezing import freezing
from tests.processes.process import until
from tests.processes.product import a_message, a_sender

CUSTOMERS, EACH = 12, 4


@pytest.fixture(scope="module")
def product(installation):
    with installation(WORKER_SILENT_S="2") as product:
        product.web()
        yield product


def replayed(product):
    return product.value("SELECT count(*) FROM dead_letters_replayitem WHERE outcome <> 'waiting'")


def test_each_letter_of_a_batch_goes_once_although_its_worker_is_killed(product):
    senders = [a_sender() for _ in range(CUSTOMERS)]
    broken = product.worker(REPLY_POLICY="tests.processes.policies.moody")
    product.post_all([a_message(f"explode {n}", sender=sender) for sender in senders for n in range(EACH)], at_once=1)
    until(lambda: product.states() == {"dead": CUSTOMERS * EACH}, "all have died", within_s=60)
    broken.kill()

    worker = product.worker()
    product.run("-c", freezing(rate=6))
    until(lambda: 0 < replayed(product) < CUSTOMERS * EACH, "some have gone, and not all")
    worker.kill()
    assert replayed(product) < CUSTOMERS * EACH
    product.worker()

    done = "SELECT state, total FROM dead_letters_replaybatch"
    until(
        lambda: product.rows(done) == [{"state": "done", "total": CUSTOMERS * EACH}], "the batch is done", within_s=60
    )
    assert product.all_ended(within_s=60) == {"processed": CUSTOMERS * EACH}
    for sender in senders:
        told = [call.text for call in product.graph.taken(sender)]
        assert told == [f"re explode {n}" for n in range(EACH)]
    assert (
        product.value("SELECT count(*) FROM audit_auditentry WHERE action = 'dead_letter.replayed'") == CUSTOMERS * EACH
    )
    assert product.value("SELECT max(replays) FROM dead_letters_deadletter") == 1

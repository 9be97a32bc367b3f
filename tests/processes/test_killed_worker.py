"""kill -9 of a worker: its events move on by themselves, each with one answer."""

import pytest

from tests.processes.process import until
from tests.processes.product import a_message, a_sender

SLOTS = 5


@pytest.fixture(scope="module")
def product(installation):
    with installation(WORKER_SILENT_S="2") as product:
        product.web()
        yield product


def test_events_of_a_killed_worker_move_on_when_its_pulse_is_missed_long_before_the_lease_ends(product):
    senders = [a_sender() for _ in range(SLOTS)]
    worker = product.worker(REPLY_POLICY="tests.processes.policies.stuck", WEBHOOK_LEASE_S="600")
    answers = [product.post(a_message(sender=sender)) for sender in senders]
    until(lambda: product.states() == {"processing": SLOTS}, "all its slots are busy")

    worker.kill()
    successor = product.worker()

    assert product.all_ended() == {"processed": SLOTS}
    assert [len(product.graph.taken(sender)) for sender in senders] == [1] * SLOTS
    lost = product.rows("SELECT subject_id FROM audit_auditentry WHERE action = 'lease.lost'")
    assert sorted(row["subject_id"] for row in lost) == sorted(product.event(answer)["event_id"] for answer in answers)
    successor.kill()


def test_a_reply_that_meta_took_before_the_worker_was_killed_is_found_and_not_sent_again(product):
    sender = a_sender()
    product.graph.script(sender, ["slow:30"])
    worker = product.worker(WEBHOOK_LEASE_S="6")
    answer = product.post(a_message(sender=sender))
    until(lambda: product.graph.taken(sender), "Meta has the message, and has not answered yet")

    worker.kill()
    product.worker()

    until(lambda: product.state(answer) == "processed", "the event is processed")
    assert [call.edge for call in product.graph.calls(sender)].count("messages") == 1
    assert [call.edge for call in product.graph.calls(sender)].count("conversations") >= 1
    reply = product.rows(
        "SELECT state FROM instagram_webhooks_outgoingreply WHERE event_id = %s",
        product.event(answer)["event_id"],
    )
    assert reply == [{"state": "sent"}]

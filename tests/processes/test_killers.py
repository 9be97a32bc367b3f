"""An event that ends its workers is buried alone; who was only near it, or fell with a deploy, is not."""

import signal
import threading

import pytest

from tests.processes.process import until
from tests.processes.product import a_message, a_sender

KILLING = "tests.processes.policies.killing"
FATE = """
SELECT l.code, a.detail FROM dead_letters_deadletter l JOIN audit_auditentry a
    ON a.subject_id = l.subject_id AND a.action = 'event.failed' WHERE l.subject_id = %s
"""

HOLDERS = """
SELECT w.pid FROM instagram_webhooks_worker w JOIN instagram_webhooks_webhookevent e ON e.worker_id = w.id
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def product(installation, gate):
    with installation(WORKER_SILENT_S="2", WEBHOOK_LEASE_S="9", REPLY_POLICY=KILLING, GATE=str(gate)) as product:
        product.web()
        yield product


def suspect(product, answer):
    """As if two workers had been lost over it already."""
    event_id = product.event(answer)["event_id"]
    product.execute("UPDATE instagram_webhooks_webhookevent SET starts = 2 WHERE event_id = %s", event_id)


def fate(product, answer):
    """The code of the event's dead letter, and the facts of its death."""
    (row,) = product.rows(FATE, product.event(answer)["event_id"])
    return row["code"], row["detail"]


def answers(product, sender):
    return [call.text for call in product.graph.taken(sender)]


class Supervisor:
    """Starts a worker again whenever it has ended, as a deployment does."""

    def __init__(self, product, **settings):
        self.product, self.settings = product, settings
        self.workers, self.done = [], threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(0.05):
            if not self.workers or not self.workers[-1].is_alive:
                self.workers.append(self.product.starting_worker(**self.settings))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


@pytest.mark.timeout(240)
def test_an_event_that_kills_its_worker_and_one_that_never_ends_are_buried_and_all_others_are_answered(product):
    killer, hanger, eater, neighbour = (a_sender() for _ in range(4))
    deadly = [
        product.post(a_message(text, sender=sender))
        for text, sender in (("die", killer), ("hang", hanger), ("eat", eater))
    ]
    for sender in (killer, hanger, eater, neighbour):
        product.post(a_message("hello", sender=sender))
    suspect(product, deadly[2])  # in a process without a limit it would fill this machine's memory

    with Supervisor(product) as supervisor:
        assert product.all_ended(within_s=150) == {"dead": 3, "processed": 4}

    (died, died_of), (hung, hung_for), (ate, ate_it) = (fate(product, answer) for answer in deadly)
    assert (died, hung, ate) == ("worker_killer",) * 3
    assert (died_of["signal"], died_of["starts"]) == (signal.SIGKILL, 3)
    assert hung_for["seconds"] >= 8
    assert ate_it["exit_code"] == 12
    for sender in (killer, hanger, eater, neighbour):  # those behind them in their lanes too
        assert answers(product, sender) == ["re hello"]
    # It killed two workers and no more; the hanging one may have ended a third, with a slot past its lease.
    assert len(supervisor.workers) in (3, 4)
    assert supervisor.workers[-1].is_alive
    supervisor.workers[-1].kill()


def test_deploys_that_kill_everything_bury_nothing(product, gate):
    kills = 3
    sender, asked = a_sender(), gate.with_suffix(".asked")
    answer = product.post(a_message(sender=sender))
    suspect(product, answer)
    workers = [product.starting_worker(REPLY_POLICY="tests.processes.policies.gated") for _ in range(kills)]

    def holder():
        pids = {row["pid"] for row in product.rows(HOLDERS)}
        return next((worker for worker in workers if worker.pid in pids and worker.is_alive), None)

    for times in range(1, kills + 1):
        until(lambda n=times: asked.exists() and len(asked.read_text().splitlines()) == n, "the policy was asked")
        until(holder, "a worker has the event").kill()
    gate.touch()
    product.worker()

    until(lambda: product.state(answer) == "processed", "the event is processed")
    assert sum(len(worker.said("event.set_apart")) for worker in workers) == kills
    assert answers(product, sender) == ["re hello"]

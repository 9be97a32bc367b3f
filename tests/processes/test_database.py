"""The database stopped, frozen or cut off: what the door says meanwhile, and that all heals by itself."""

import time

import pytest
import requests

from simulator.meta_wire import headers as meta_headers
from simulator.meta_wire import wire
from tests.processes.process import until
from tests.processes.product import VERIFY_TOKEN, a_message, a_sender, installed

ANSWER_S = 3.0


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("product")) as product:
        product.worker_process = product.worker()
        product.web()
        yield product


def took(ask):
    begun = time.monotonic()
    answer = ask()
    return answer, time.monotonic() - begun


def got(product, path, **params):
    answer, seconds = took(lambda: requests.get(f"{product.url}{path}", params=params, timeout=10))
    assert seconds < ANSWER_S
    return answer.status_code, answer.text


def handshake(product):
    words = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "4711"}
    return got(product, "/webhooks/instagram", **words)


def forged(product):
    raw = wire(a_message())
    with product.sender() as sender:
        return sender.post_raw(raw, meta_headers(raw, "another-secret")).status


TROUBLES = {"stopped": ("stop", "start"), "frozen": ("freeze", "thaw")}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_without_its_database_the_door_says_so_in_time_and_stores_nothing_by_half(product, trouble):
    sender = a_sender()
    body = a_message("hello", sender=sender)
    assert product.post(a_message()).status == 200
    product.all_ended()
    away, back = (getattr(product.postgres, name) for name in TROUBLES[trouble])

    away()
    try:
        answer, seconds = took(lambda: product.post(body))
        others = handshake(product), forged(product), got(product, "/healthz")[0], got(product, "/readyz")[0]
    finally:
        back()

    assert (answer.status, seconds < ANSWER_S, "retry-after" in answer.headers) == (503, True, True)
    assert others == ((200, "4711"), 403, 200, 503)
    until(lambda: product.post(body).status == 200, "Meta's next delivery is taken")
    until(lambda: got(product, "/readyz")[0] == 200, "the web process is ready again")
    until(lambda: len(product.graph.taken(sender)) == 1, "the worker has healed too")
    assert set(product.all_ended()) == {"processed"}
    events, payloads = (
        product.value(f"SELECT count(*) FROM instagram_webhooks_{name}") for name in ("webhookevent", "eventpayload")
    )
    assert events == payloads
    assert len(product.graph.taken(sender)) == 1
    assert product.worker_process.is_alive


def test_connections_that_the_database_ends_are_made_anew(product):
    senders = [a_sender() for _ in range(6)]
    cut = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid()"""

    assert product.post_all([a_message(sender=sender) for sender in senders[:3]]) == [200] * 3
    ended = product.value(cut)
    assert product.post_all([a_message(sender=sender) for sender in senders[3:]]) == [200] * 3

    assert ended >= 2
    assert set(product.all_ended()) == {"processed"}
    assert [len(product.graph.taken(sender)) for sender in senders] == [1] * 6
    assert product.worker_process.is_alive


def test_a_worker_that_starts_before_its_database_and_broker_waits_says_so_and_works(product):
    sender = a_sender()
    product.all_ended()
    product.worker_process.kill()
    product.redis.stop()
    product.postgres.stop()

    worker = product.worker_process = product.starting_worker()
    until(lambda: worker.said("database.away"), "it says that the database is away")
    until(
        lambda: len([line for line in worker.said() if "Cannot connect to" in line["event"]]) >= 2,
        "and the broker",
    )
    alive_before = worker.is_alive
    product.postgres.start()
    product.redis.start()

    assert alive_before
    until(lambda: product.post(a_message("hello", sender=sender)).status == 200, "the door is open again")
    until(lambda: len(product.graph.taken(sender)) == 1, "the worker works")
    until(lambda: " ready." in worker.text(), "it listens to the broker", within_s=60)
    assert set(product.all_ended()) == {"processed"}
    assert worker.is_alive

"""From Meta's POST to the answer at Meta, through the web process and a worker."""

import contextlib
import http.client
import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simulator import bodies
from simulator.http_server import Handler
from simulator.meta_wire import changed_byte, wire
from simulator.meta_wire import headers as meta_headers
from tests.processes.process import until
from tests.processes.product import ACCOUNT, SECRET, a_message, a_sender
from webhooks_project.embedded import processes

seen_headers = []


class Listening(Handler):
    """Meta's stand-in does not keep the headers of calls."""

    def _serve(self):
        seen_headers.append(dict(self.headers))
        super()._serve()


@pytest.fixture(scope="module")
def product(installation):
    with installation(LOG_LEVEL="DEBUG") as product:
        product.graph._server.RequestHandlerClass = Listening
        worker = product.starting_worker()
        product.web()
        until(lambda: " ready." in worker.text(), "the worker is ready")
        until(
            lambda: product.value("SELECT count(*) FROM instagram_webhooks_account"),
            "the account is connected",
        )
        yield product


def stored(product):
    return product.value("SELECT count(*) FROM instagram_webhooks_webhookevent")


def processed(product, body, **headers):
    """Posts a body; the answer, once its first event is processed."""
    answer = product.post(body, **headers)
    until(lambda: product.state(answer) == "processed", "the event is processed")
    return answer


def test_no_thread_takes_the_core_from_another_the_moment_it_wakes(product):
    processed(product, a_message())

    threads = [
        int(task.name)
        for process in product.started
        for pid in processes.tree(process.pid)
        for task in Path(f"/proc/{pid}/task").iterdir()
    ]

    assert len(threads) > 10
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def test_an_answer_comes_whole(product):
    answer = product.post(a_message())

    assert (answer.status, answer.headers["content-length"]) == (200, "0")


def test_a_signed_message_is_stored_answered_and_traced(product):
    sender, mid = a_sender(), f"m-{uuid.uuid4()}"

    answer = processed(product, a_message("hello", sender=sender, mid=mid))

    assert answer.status == 200
    assert [call.text for call in product.graph.taken(sender)] == ["re hello"]
    (event,) = product.trace(mid)
    assert (event["state"], event["attempts"], event["reply"]["state"]) == ("processed", 1, "sent")
    steps = [step["what"] for step in event["timeline"]]
    assert steps[0] == "received"
    assert {"reply.sending", "reply.sent", "processed"} <= set(steps)


def test_a_message_that_meta_delivers_again_changes_nothing(product):
    sender = a_sender()
    body = a_message("hello", sender=sender)
    processed(product, body)
    rows, audited = stored(product), product.value("SELECT count(*) FROM audit_auditentry")

    answers = [product.post(body), product.post(bodies.sent_again(body, body["entry"][0]["time"] + 7000))]

    assert [answer.status for answer in answers] == [200, 200]
    assert (stored(product), product.value("SELECT count(*) FROM audit_auditentry")) == (rows, audited)
    processed(product, a_message("and now", sender=sender))  # whatever stood before it in the lane is done
    assert [call.text for call in product.graph.taken(sender)] == ["re hello", "re and now"]


@pytest.mark.parametrize(
    "forge", [changed_byte, lambda raw: raw + b" ", lambda raw: raw[:-1]], ids=["changed", "longer", "cut"]
)
def test_a_body_that_is_not_the_signed_one_is_refused_and_leaves_no_row(product, forge):
    raw, rows = wire(a_message()), stored(product)

    with product.sender() as sender:
        answer = sender.post_raw(forge(raw), meta_headers(raw, SECRET))

    assert (answer.status, stored(product)) == (403, rows)


def test_a_body_without_a_signature_is_refused(product):
    rows = stored(product)

    with product.sender() as sender:
        answer = sender.post_raw(wire(a_message()), {"Content-Type": "application/json"})

    assert (answer.status, stored(product)) == (403, rows)


def test_one_correlation_id_leads_from_the_request_to_the_graph_call(product):
    request = f"check-{uuid.uuid4().hex}"
    own = f"{request}.1"
    seen_headers.clear()

    answer = processed(product, a_message(), **{"X-Correlation-ID": request})

    assert answer.headers["x-correlation-id"] == request
    event = product.event(answer)
    assert own in [headers.get("X-Correlation-ID") for headers in seen_headers]
    audited = product.rows("SELECT action, subject_id FROM audit_auditentry WHERE correlation_id = %s", own)
    assert audited == [{"action": "event.processed", "subject_id": event["event_id"]}]
    web, worker = [next(p for p in product.started if p.name.startswith(name)) for name in ("web", "worker")]
    lines = until(
        lambda: [line for line in worker.said("event.processed") if line.get("correlation_id") == own],
        "logged",
    )
    assert [line["event_id"] for line in lines] == [str(event["event_id"])]
    assert request in [line.get("correlation_id") for line in web.said("webhook.received")]
    assert [found["event_id"] for found in product.trace(request)] == [str(event["event_id"])]


def test_fifty_deliveries_of_one_body_at_once_are_one_event_and_one_reply(product):
    sender = a_sender()
    raw, rows = wire(a_message("once", sender=sender)), stored(product)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(50) as pool:
        senders = [stack.enter_context(product.sender()) for _ in range(50)]
        answers = list(pool.map(lambda one: one.post_raw(raw), senders))

    assert [answer.status for answer in answers] == [200] * 50
    assert stored(product) == rows + 1
    product.all_ended()
    assert [call.text for call in product.graph.taken(sender)] == ["re once"]


def test_a_malformed_update_takes_none_of_its_neighbours_along(product):
    before = product.all_ended()
    now = bodies.message_body("", sender="1", account=ACCOUNT)["entry"][0]["time"]
    items = [bodies.read(f"m-{n}", sender=a_sender(), account=ACCOUNT, at_ms=now) for n in range(300)]
    items[150] = ["no", "object"]

    answer = product.post(bodies.messaging_body(items, account=ACCOUNT, at_ms=now))

    assert answer.status == 200
    after = product.all_ended()
    assert after["processed"] - before["processed"] == 299
    letters = product.rows("SELECT kind, error_class, status FROM dead_letters_deadletter")
    assert letters == [{"kind": "unreadable", "error_class": "Unreadable", "status": "open"}]
    assert after["dead"] == 1


def test_the_answer_and_the_log_of_a_refusal_name_the_check_and_no_signature(product):
    raw = wire(a_message())
    wrong = meta_headers(raw, "another-secret")

    with product.sender() as sender:
        answer = sender.post_raw(raw, wrong)

    (web,) = [p for p in product.started if p.name.startswith("web")]
    request = answer.headers["x-correlation-id"]
    (line,) = until(
        lambda: [line for line in web.said("webhook.rejected") if line["correlation_id"] == request],
        "the refusal is logged",
    )
    assert (line["code"], line["check"], line["status"]) == ("signature_mismatch", "no_secret_matches", 403)
    assert "sha256=" not in json.dumps(web.said()) + answer.body.decode()


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "telegram", 404), ("PUT", "instagram", 405)])
def test_a_refused_body_costs_the_next_webhook_on_its_connection_nothing(product, method, path, status):
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=10)
    connection.connect()
    kept = connection.sock

    for _ in range(5):
        connection.request(method, f"/webhooks/{path}", b"x" * 100_000)
        refused = connection.getresponse()
        refused.read()
        connection.request("GET", "/healthz")
        sound = connection.getresponse()
        sound.read()
        assert (refused.status, sound.status, connection.sock is kept) == (status, 200, True)

    connection.close()


@pytest.mark.parametrize("mebibytes", [5, 9, 12])
def test_a_body_that_is_too_large_is_answered_and_ends_its_connection_openly(product, mebibytes):
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=10)

    connection.request("POST", "/webhooks/instagram", b"x" * mebibytes * 1024 * 1024)
    refused = connection.getresponse()
    refused.read()

    assert (refused.status, refused.getheader("Connection")) == (413, "close")
    connection.request("GET", "/healthz")  # the client knows, and opens another
    assert connection.getresponse().status == 200
    connection.close()


def in_chunks(product, raw, size, **headers):
    """The status of a POST that no length was told of, as some proxies make it."""
    connection = http.client.HTTPConnection("127.0.0.1", product.port, timeout=20)
    with contextlib.closing(connection):
        pieces = (raw[start : start + size] for start in range(0, len(raw), size))
        connection.request("POST", "/webhooks/instagram", pieces, meta_headers(raw, SECRET) | headers)
        return connection.getresponse().status


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_body_that_comes_in_chunks_is_read_whole(product, size):
    before, raw = stored(product), wire(a_message("word " * 30_000))

    assert in_chunks(product, raw, size) == 200
    assert stored(product) == before + 1


def test_one_that_is_too_large_is_refused_in_chunks_too(product):
    before = stored(product)

    assert in_chunks(product, b"x" * (4 * 1024 * 1024 + 1), 500_000) == 413
    assert stored(product) == before

"""One measurement each: the door alone, and the worker alone."""

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import cpu
from simulator import bodies
from simulator.meta_wire import headers, wire
from tests.processes.process import CHECKOUT, until
from tests.processes.product import ACCOUNT, SECRET, a_sender, installed
from webhooks_project.embedded.server import free_port

CONVERSATIONS = 500
APPLICATION, ALL_ELSE = 0, os.cpu_count() - 1  # type: ignore[operator]  # cores
DONE = """
SELECT NOT EXISTS (SELECT 1 FROM instagram_webhooks_webhookevent WHERE lane IS NOT NULL AND finished_at IS NULL)
"""
SHIPPED = {
    "WEBHOOK_RETRY_DELAYS_S": "", "REPLY_SETTLE_S": "", "WEBHOOK_LEASE_S": "", "WEBHOOK_SWEEP_INTERVAL_S": "",
    "WEBHOOK_DISPATCH_GATE_S": "", "GRAPH_DEADLINE_S": "", "REPLY_POLICY_BUDGET_S": "", "REPLY_POLICY": "",
    "ACK_COOLDOWN_S": "0",  # each message is answered
}  # fmt: skip


@contextlib.contextmanager
def installation(slots: int) -> Iterator[Any]:
    """The product with its shipped settings and durable servers, and a Graph API that costs next to nothing."""
    port = free_port()
    graph = subprocess.Popen([sys.executable, "-m", "benchmarks.graph", str(port)], cwd=CHECKOUT)
    settings = SHIPPED | {"GRAPH_API_URL": f"http://127.0.0.1:{port}", "WORKER_CONCURRENCY": str(slots)}
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            installed(Path(folder), settings=settings, durable=True) as product,
        ):
            for pid in (graph.pid, product.postgres.pid, product.redis.pid):
                cpu.pin(pid, ALL_ELSE)
            yield product
    finally:
        graph.terminate()
        graph.wait()


def door(*, batch: int, connections: int, events: int) -> dict[str, float]:
    """CPU ms an event of web and PostgreSQL while all connections post as fast as they are answered."""
    with installation(1) as product:
        return posting(product, batch=batch, connections=connections, events=events)


def posting(product: Any, *, batch: int, connections: int, events: int) -> dict[str, float]:
    """As `door`, in this installation; what is posted stays open."""
    web = product.web()
    cpu.pin(web.pid, APPLICATION)
    _posted(product, events=200 * batch, batch=batch, connections=connections)
    before = cpu.seconds(web.pid), cpu.seconds(product.postgres.pid)
    answers = _posted(product, events=events, batch=batch, connections=connections)
    product.queued()  # the last wake-ups have left when it answers
    found = {
        "application": (cpu.seconds(web.pid) - before[0]) / events * 1000,
        "PostgreSQL": (cpu.seconds(product.postgres.pid) - before[1]) / events * 1000,
        "events/s": events / answers["seconds"],
        "p99 ms": answers["p99_ms"],
    }
    web.kill()
    return found


def worker(*, slots: int, events: int) -> dict[str, float]:
    """CPU ms an event of worker and PostgreSQL from the first to the last of a full queue, its wake-ups all used up."""
    with installation(slots) as product:
        return draining(product, events=events)


def draining(product: Any, *, events: int) -> dict[str, float]:
    """As `worker`, in this installation, after all that is open there."""
    web, process = product.web(), product.worker()
    cpu.pin(process.pid, APPLICATION)
    _posted(product, events=200, batch=1, connections=4)
    with psycopg.connect(product.database_url, autocommit=True) as asking:  # one session: each costs PostgreSQL 3 ms

        def is_done() -> bool:
            return bool(asking.execute(DONE, prepare=True).fetchone() == (True,))

        until(is_done, "it is warm", within_s=300)
        process.freeze()
        _posted(product, events=events, batch=1, connections=8)
        web.kill()
        before, begun = (cpu.seconds(process.pid), cpu.seconds(product.postgres.pid)), time.monotonic()
        process.thaw()
        until(is_done, "all is done", within_s=300)
        seconds = time.monotonic() - begun
    until(lambda: product.queued() == 0, "no wake-up is left", within_s=60)
    found = {
        "application": (cpu.seconds(process.pid) - before[0]) / events * 1000,
        "PostgreSQL": (cpu.seconds(product.postgres.pid) - before[1]) / events * 1000,
        "events/s": events / seconds,
    }
    process.kill()
    return found


def _posted(product: Any, *, events: int, batch: int, connections: int) -> dict[str, Any]:
    """What the load generator says of so many events of all conversations in turn."""
    people = [a_sender() for _ in range(CONVERSATIONS)]
    lines = []
    for start in range(0, events, batch):
        messages = [_message(people, start + n) for n in range(batch)]
        raw = wire(
            messages[0] | {"entry": [messages[0]["entry"][0] | {"messaging": [_item(each) for each in messages]}]}
        )
        lines.append(headers(raw, SECRET)["X-Hub-Signature-256"].encode() + b"\t" + raw)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(lines))
        file.flush()
        command = [sys.executable, "-m", "benchmarks.load", file.name, str(product.port), str(connections)]
        told = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True)
    answers: dict[str, Any] = json.loads(told.stdout)
    assert not answers["refused"], answers
    return answers


def _message(people: list[str], number: int) -> dict[str, Any]:
    if number % CONVERSATIONS == 0:
        random.shuffle(people)
    mid = f"m-{random.getrandbits(96):x}"
    return bodies.message_body(
        "Is the blue one still there?", sender=people[number % CONVERSATIONS], account=ACCOUNT, mid=mid
    )


def _item(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = body["entry"][0]["messaging"][0]
    return found

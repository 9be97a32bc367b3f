"""One measurement each, of any column: the door alone, the worker alone, and both at a pace."""

import time
from typing import Any

import psycopg

from benchmarks.column import Column
from benchmarks.cpu import Meter, until_rest
from benchmarks.posts import Incomplete
from tests.processes.process import Process, until

WORK_S = 300
Figures = dict[str, float]


def door(column: Column, *, events: int, batch: int, connections: int) -> Figures:
    """As `posting`, after which just what was sent is stored."""
    found = posting(column, events=events, batch=batch, connections=connections)
    stored, sent = column.counts()[0], column.crowd.due.total()
    if stored != sent:
        raise Incomplete(f"{sent} events were sent, {stored} stored")
    return found


def worker(column: Column, *, events: int) -> Figures:
    """As `draining`, after which just what was sent is stored, processed and replied to, once each."""
    found = draining(column, events=events)
    _raise_unless_once_each(column)
    if latency_ms := column.place.graph.latency_ms:
        found["of the ceiling, %"] = found["events/s"] / (column.slots * 1000 / latency_ms) * 100
    return found


def end_to_end(column: Column, *, events: int, rate: float) -> Figures:
    """CPU at a pace that leaves both time, and the ms from when a POST was due to its reply's arrival at the stub."""
    web, process = column.web(), column.worker()
    with _session(column) as asking:
        _warm(column, asking, process)
        until_rest(web.pid)
        meter = _meter(column, web=web, worker=process)
        seen = column.crowd.post_at(column.port, events=events, rate=rate)
        until(lambda: column.is_done(asking), "all is done", within_s=WORK_S)
        found = meter.read(events)
    _raise_unless_once_each(column)
    arrived = column.place.graph.recipients()
    ranked = sorted((arrived[sender][1] - due) * 1000 for sender, due in column.crowd.times.items())
    p50, p99 = (ranked[int(len(ranked) * share)] for share in (0.5, 0.99))
    answered = {"200, p50 ms": seen["p50_ms"], "200, p99 ms": seen["p99_ms"]}
    return found | answered | {"reply, p50 ms": p50, "reply, p99 ms": p99}


def posting(column: Column, *, events: int, batch: int, connections: int) -> Figures:
    """CPU ms an event while all connections post as fast as they are answered; what is posted stays open."""
    web = column.web()
    warm = max(50, 2 * batch) if column.is_slow else max(1000, 20 * batch)  # Node compiles what it runs often
    column.crowd.post(column.port, events=warm, batch=batch, connections=connections)
    until_rest(web.pid)
    meter = _meter(column, application=web)
    seen = column.crowd.post(column.port, events=events, batch=batch, connections=connections)
    found = meter.read(events)  # the last wake-ups have left then
    column.end(web)
    return found | {"events/s": events / seen["seconds"], "p50 ms": seen["p50_ms"], "p99 ms": seen["p99_ms"]}


def draining(column: Column, *, events: int, workers: int = 1) -> Figures:
    """CPU ms an event from the first to the last of a full queue, its wake-ups all used up, after all that is open."""
    web, processes = column.web(), [column.worker() for _ in range(workers)]
    with _session(column) as asking:
        _warm(column, asking, processes[0])
        for process in processes:
            process.freeze()
        column.crowd.post(column.port, events=events, connections=8)
        until_rest(web.pid)
        column.end(web)
        replied = column.place.graph.sent() + events
        meter, begun = _meter(column, **{f"worker-{n}": each for n, each in enumerate(processes)}), time.monotonic()
        for process in processes:
            process.thaw()
        until(lambda: column.place.graph.sent() >= replied, "all are replied to", within_s=WORK_S)
        until(lambda: column.is_done(asking), "all is done", within_s=WORK_S)
        seconds = time.monotonic() - begun
    until(column.is_quiet, "no wake-up is left", within_s=60)
    found = meter.read(events)
    for process in processes:
        column.end(process)
    application = sum(found.pop(f"worker-{n}") for n in range(workers))
    return {"application": application} | found | {"events/s": events / seconds}


def _meter(column: Column, **application: Process) -> Meter:
    servers = {"PostgreSQL": column.place.product.postgres.pid, "Redis": column.place.product.redis.pid}
    return Meter(application={name: process.pid for name, process in application.items()}, **servers)


def _session(column: Column) -> Any:
    """One session for all looks: each new one costs PostgreSQL 3 ms."""
    return psycopg.connect(column.database_url, autocommit=True)


def _warm(column: Column, asking: Any, process: Process) -> None:
    """Each slot has worked, and the worker rests."""
    events = max(50, column.slots)
    if not column.is_slow:
        events = 10 * column.slots if column.place.graph.latency_ms else 500
    column.crowd.post(column.port, events=events, connections=4)
    until(lambda: column.is_done(asking), "it is warm", within_s=WORK_S)
    until_rest(process.pid)


def _raise_unless_once_each(column: Column) -> None:
    due, sent = column.crowd.due, column.crowd.due.total()
    if (counts := column.counts()) != (sent, sent, sent):
        raise Incomplete(f"{sent} events were sent; stored, processed and in the ledger: {counts}")
    replied = {recipient: count for recipient, (count, _) in column.place.graph.recipients().items()}
    if wrong := sum(replied.get(sender) != count for sender, count in due.items()):
        raise Incomplete(f"{wrong} of {len(due)} customers did not get as many replies as they had sent messages")

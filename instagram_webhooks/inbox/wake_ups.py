"""
The publisher: offers wake-ups to the broker, off the path of requests.

A wake-up carries an event's id and nothing else. It may be lost, doubled or dropped: the sweep
finds every due event again. So offering never waits and never fails, and what is offered while
the broker is down is kept up to a bound and then dropped.
"""

import atexit
import contextlib
import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from celery import current_app
from kombu.exceptions import ChannelError

from instagram_webhooks import metrics
from instagram_webhooks.conf import QUEUE, UPKEEP_QUEUE, conf
from instagram_webhooks.inbox.claim import head_of
from instagram_webhooks.inbox.envelope import envelopes

log = logging.getLogger(__name__)

TASK = "instagram_webhooks.process_event"
KEPT = 10_000
AT_ONCE = 500
FLUSH_S = 1.0
# Short, for this thread alone: a frozen broker must not keep the wake-ups of a healthy one waiting.
TIMEOUTS = {"socket_timeout": 1, "socket_connect_timeout": 1}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0


class BrokerAway(Exception):
    """The broker did not answer."""


class Broker:
    """One connection to the broker, made at the first use and again after an error."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._producer: Any = None
        self._envelope: Callable[[UUID], str] | None = None

    def depth(self, name: str = QUEUE) -> int:
        """Messages ready in the queue; raises BrokerAway."""
        with self._open() as producer:
            if _is_redis(producer):
                return int(producer.channel.client.llen(name))
            queue = current_app.amqp.queues[name](producer.channel)
            queue.declare()
            try:
                return int(producer.channel.queue_declare(name, passive=True).message_count)
            except ChannelError:
                return 0

    def start(self, task: str, *, expires_s: float) -> None:
        """A message that starts a job of upkeep, and is void after so long; raises BrokerAway."""
        with self._open() as producer:
            current_app.send_task(task, queue=UPKEEP_QUEUE, expires=expires_s, producer=producer, retry=False)

    def publish(self, ids: Iterable[UUID]) -> int | None:
        """One message of Celery's own an id; messages ready then, where the broker says so; raises BrokerAway."""
        with self._open() as producer:
            if _is_redis(producer):
                return self._push(producer.channel.client, ids)
            for event_id in ids:
                current_app.send_task(
                    TASK,
                    args=[str(event_id)],
                    queue=QUEUE,
                    producer=producer,
                    retry=False,
                    ignore_result=True,
                )
        return None

    def _push(self, client: Any, ids: Iterable[UUID]) -> int | None:
        """All messages in one command."""
        if self._envelope is None:
            self._envelope = envelopes(TASK, QUEUE)
        messages = [self._envelope(event_id) for event_id in ids]
        return int(client.lpush(QUEUE, *messages)) if messages else None

    @contextlib.contextmanager
    def _open(self) -> Any:
        try:
            if self._connection is None:
                self._connection = current_app.connection_for_write(transport_options=TIMEOUTS)
                _knock(self._connection)
                self._producer = current_app.amqp.Producer(self._connection, auto_declare=True)
            yield self._producer
        except Exception as exc:  # kombu lets errors of every transport through
            self.close()
            raise BrokerAway from exc

    def close(self) -> None:
        """Forgets the connection."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()


def _is_redis(producer: Any) -> bool:
    return bool(producer.connection.transport.driver_type == "redis")


def _knock(connection: Any) -> None:
    """Raises OSError at once where nobody listens; Redis's client would try again for six seconds."""
    if connection.hostname and connection.port and not connection.alt:
        socket.create_connection((connection.hostname, connection.port), FLUSH_S).close()


class Publisher:
    """The one publisher of a process. Its thread starts at the first offer, and anew after a fork."""

    def __init__(self) -> None:
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self.dropped = 0
        self._waiting: deque[UUID] = deque()
        self._arrived = threading.Event()
        self._empty = threading.Event()
        self._broker = Broker()
        self._ready: int | None = None  # messages in the queue, as the broker said with the last ones; None: ask
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def offer(self, ids: Iterable[UUID]) -> None:
        """Takes wake-ups without waiting; beyond KEPT they are dropped and counted."""
        for event_id in ids:
            if len(self._waiting) >= KEPT:
                self.dropped += 1
                metrics.WAKE_UPS_DROPPED.add("memory_full")
            else:
                self._waiting.append(event_id)
        if not self._waiting:
            return
        self._empty.clear()
        self._arrived.set()
        if self._thread is None or not self._thread.is_alive():
            self._start()

    def flush(self, wait_s: float = FLUSH_S) -> bool:
        """Gives what waits up to `wait_s` to leave, for the end of a process; whether all left."""
        return not self._waiting or self._empty.wait(wait_s)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                atexit.register(self.flush)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wake-ups", daemon=True)
                with contextlib.suppress(RuntimeError):  # no room for a thread now; the next offer tries again
                    self._thread.start()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                try:
                    self._publish_some()
                    pause_s = FIRST_PAUSE_S
                except Exception as exc:  # noqa: BLE001 (whatever it was: without this thread no wake-up leaves any more)
                    log.warning("broker.away", extra={"count": len(self._waiting), "delay_s": pause_s,
                                                      "error_class": type(exc.__cause__ or exc).__name__})  # fmt: skip
                    time.sleep(pause_s)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            self._empty.set()

    def _publish_some(self) -> None:
        ids = [self._waiting[n] for n in range(min(AT_ONCE, len(self._waiting)))]
        ready, self._ready = self._ready, None
        if ready is None or ready >= conf().queue_limit:
            ready = self._broker.depth()
        if ready < conf().queue_limit:  # more wake-ups than that wake nobody sooner
            self._ready = self._broker.publish(ids)
        else:
            self.dropped += len(ids)
            metrics.WAKE_UPS_DROPPED.add("queue_full", by=len(ids))
            log.warning("wake_ups.dropped", extra={"count": len(ids), "dropped": self.dropped})
        for _ in ids:
            self._waiting.popleft()


publisher = Publisher()


def waiting() -> int:
    """Wake-ups that this process has not told the broker of yet."""
    return len(publisher._waiting)


def offer(ids: Iterable[UUID]) -> None:
    """Offers wake-ups for these events to whatever worker is free; never waits, never fails."""
    publisher.offer(ids)


def offer_evenly(ids: Sequence[UUID], *, over_s: float) -> None:
    """The same, one after the other over so long: whoever writes meanwhile waits for one of them, not for all."""
    if over_s and len(ids) > 1:
        spaced = threading.Thread(
            target=_one_by_one, args=(ids, over_s / len(ids)), name="wake-ups-evenly", daemon=True
        )
        spaced.start()
    else:
        offer(ids)


def _one_by_one(ids: Sequence[UUID], pause_s: float) -> None:
    for event_id in ids:
        offer([event_id])
        time.sleep(pause_s)


def offer_head(lane: UUID) -> None:
    """Offers a wake-up for the event whose turn it is in a lane, where there is one."""
    head = head_of(lane)
    offer([head] if head else [])

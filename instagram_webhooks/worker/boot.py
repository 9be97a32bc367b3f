"""A worker process from its start to its end, hung on Celery's signals."""

import logging
import os
import signal
import threading
from types import FrameType
from typing import Any

from celery import signals
from celery.worker import state as celery_state
from django.conf import settings
from django.db import Error

from instagram_webhooks.conf import QUEUE, conf
from instagram_webhooks.inbox import moves
from instagram_webhooks.inbox.wake_ups import publisher
from instagram_webhooks.replies.policy_check import fault_of
from instagram_webhooks.worker.children import Children
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.pulse import Pulse
from instagram_webhooks.worker.scraped import Scraped
from instagram_webhooks.worker.second_look import second_look
from instagram_webhooks.worker.transactions import drop_connection
from instagram_webhooks.worker.upkeep import Upkeep
from instagram_webhooks.worker.watch import Watch

log = logging.getLogger(__name__)

# A supervisor gives 30 s. A policy or a call that takes longer is left behind.
END_AFTER_S = 25.0
LAST_WORDS_S = 3.0
# At its start a worker of Celery's asks all others for a second which tasks are revoked, and from then on it hears each
# heartbeat of each of them. Nothing here rests on either. `inspect`, `control` and Flower need neither.
BY_ITSELF = {"without_mingle": True, "without_gossip": True}

_pulse: Pulse | None = None
_upkeep: Upkeep | None = None
_children = Children()
_scraped = Scraped()


def start(pool: str) -> None:
    """Starts pulse and upkeep of this process."""
    global _pulse, _upkeep
    _pulse, _upkeep = Pulse(pool=pool), Upkeep()
    _pulse.start()
    _upkeep.start()
    log.info("worker.started", extra={"worker_id": str(life.worker_id), "pool": pool})


@signals.worker_init.connect
def _main_process(sender: Any, **_: Any) -> None:
    if fault := fault_of(conf().reply_policy):
        # Every event would die of it. Celery logs any other exception of a signal and starts all the same.
        raise SystemExit(f"{fault.msg} {fault.hint}")
    _scraped.start()
    # The forked children of a prefork worker claim for themselves; their parent claims nothing.
    if settings.CELERY_WORKER_POOL == "threads":
        start("threads")
    sender.options.update(BY_ITSELF)


@signals.worker_process_init.connect
def _child_process(**_: Any) -> None:
    start("prefork")


@signals.worker_ready.connect
def _main_process_listens(sender: Any = None, **_: Any) -> None:
    _watch.start(
        children=_children if settings.CELERY_WORKER_POOL == "prefork" else None,
        free_slots=lambda: free_slots(sender),
    )


def free_slots(consumer: Any) -> int:
    """How many slots should hear of wake-ups: none where the queue is not consumed, or was until an operator's word."""
    if QUEUE not in consumer.app.amqp.queues.consume_from:
        return 0
    return int(consumer.pool.num_processes - len(celery_state.active_requests))


@signals.task_received.connect
def _heard(**_: Any) -> None:
    _watch.heard()


_watch = Watch(end=life.end_unwell)


@signals.worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    """From here on nothing is claimed, and what is not on its way to Meta goes back."""
    # First of all, since a second signal may follow at once: Celery would cut off calls under way at it. The end has
    # its deadline already.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _told_again)
    life.stopping.set()
    timer = threading.Timer(END_AFTER_S, _end_by_force)
    timer.daemon = True
    timer.start()
    log.info("worker.stopping", extra={"count": life.in_flight()})


def _told_again(number: int, _frame: FrameType | None) -> None:
    log.info("worker.stops_already", extra={"signal": number})


@signals.worker_shutdown.connect
def _main_process_ends(sender: Any = None, **_: Any) -> None:
    _end()
    if sender is not None and life.stopping.is_set():
        sender.exitcode = life.exit_code  # Celery takes Ctrl-C for a failure, though the end was in order


@signals.worker_process_shutdown.connect
def _child_process_ends(**_: Any) -> None:
    _end()


def _end() -> None:
    """Hands back what is left, says so in the worker's row, and lets the last wake-ups leave."""
    _watch.stop()
    _scraped.stop()
    if _upkeep is not None:
        _upkeep.stop(wait_s=END_AFTER_S)  # or until the end by force, as a slot
    if _pulse is not None:
        _give_back()
        _pulse.stop()
    second_look.flush()
    publisher.flush()
    log.info("worker.stopped")


def _give_back() -> None:
    try:
        moves.give_back(life.worker_id)
    except Error:
        drop_connection()  # the claims run out by themselves


def _end_by_force() -> None:
    """Python joins the pool's threads at exit; one that hangs would hold the process for ever."""
    log.warning("worker.ends_by_force", extra={"count": life.in_flight()})
    # A database that is frozen must not hold this up either: what is claimed runs out by itself.
    last = threading.Timer(LAST_WORDS_S, os._exit, [life.exit_code])
    last.daemon = True
    last.start()
    try:
        _children.kill()
    except (Error, OSError):
        drop_connection()  # their claims are freed when their silence is noticed
    _end()
    logging.shutdown()
    os._exit(life.exit_code)

"""Upkeep without Celery: the same loop that every worker process runs beside its work."""

import contextlib
import signal
import threading
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any
from uuid import UUID

from django.db import Error, connection

from instagram_webhooks.desk.command import DeskCommand
from instagram_webhooks.inbox import moves
from instagram_webhooks.inbox.sweep import AT_ONCE, DUE
from instagram_webhooks.inbox.wake_ups import publisher
from instagram_webhooks.replies.first_account import ensure_first_account
from instagram_webhooks.worker import work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.pulse import Pulse
from instagram_webhooks.worker.retries import TryAgain
from instagram_webhooks.worker.second_look import second_look
from instagram_webhooks.worker.transactions import drop_connection
from instagram_webhooks.worker.upkeep import Round, Upkeep

END_AFTER_S = 25.0  # a policy or a call that takes longer is left to its lease


class Command(DeskCommand):
    help = "Find due events that nobody was told of and wake the workers; frees what dead workers held."
    example = "--once --process"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, and say what it did")
        parser.add_argument("--process", action="store_true", help="also work off what is due, in this process")

    def handle(self, *_: Any, **options: Any) -> None:
        """Runs until SIGTERM or SIGINT, or one round; what it still holds at its end goes back."""
        if options["once"]:
            connection.ensure_connection()  # the loop waits for a database that is away
        upkeep = Upkeep(processes=options["process"])
        # With the broker away a round works events off too, so a pulse must show that this process lives.
        pulse = Pulse(pool="sweep")
        pulse.start()
        try:
            if options["once"]:
                self.stdout.write(_once(upkeep, processes=options["process"]))
            else:
                _until_told(upkeep)
        finally:
            _end(pulse)


def _once(upkeep: Upkeep, *, processes: bool) -> str:
    """What one round did, in sentences; with `processes` nothing is due after it. Raises what the database did."""
    ensure_first_account()
    done = upkeep.round()
    if done.error is not None:
        raise done.error
    processed = done.processed + (_work_off() if processes else 0)
    return _told(done, processed)


def _told(done: Round, processed: int) -> str:
    swept = f"Wake-ups made good: {done.swept.offered}. Claims of silent workers freed: {done.swept.rescued}."
    if not done.swept.was_ours:
        swept = "Another process sweeps at this moment."
    broker = " The broker does not answer." if done.broker_is_away else ""
    return f"{swept} Due events worked off here, with what stood behind them: {processed}.{broker}"


def _work_off() -> int:
    """How many due events were worked off, also those that workers were told of already.

    Ends where nothing is due, or where what is due stands behind an event that another worker has.
    """
    count, before = 0, set[UUID]()
    while (due := _due()) and set(due) != before:
        before = set(due)
        for event_id in due:
            with contextlib.suppress(TryAgain):  # committed; it is due again when its time has come
                work.process(event_id)
            count += 1
    return count


def _due() -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"gate": 0, "limit": AT_ONCE})
        return [row[0] for row in cursor.fetchall()]


def _until_told(upkeep: Upkeep) -> None:
    """Round after round in a thread, so that a signal is answered at once."""
    told_at: list[float] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        told_at.append(time.monotonic())
        life.stopping.set()
        upkeep.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    rounds = threading.Thread(target=upkeep.run, name="upkeep", daemon=True)
    rounds.start()
    while rounds.is_alive() and not (told_at and time.monotonic() - told_at[0] > END_AFTER_S):
        rounds.join(1.0)


def _end(pulse: Pulse) -> None:
    try:
        moves.give_back(life.worker_id)
    except Error:
        drop_connection()  # the claims run out by themselves
    pulse.stop()
    second_look.flush()
    publisher.flush()

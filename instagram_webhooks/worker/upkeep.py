"""
Upkeep without Celery: the sweep, alarms, and what was forgotten. Each worker process runs it in a
thread, so a dead beat stops no rescue; `manage.py sweep` is the same loop.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import Error

from dead_letters import batch_run, causes
from instagram_webhooks.alarms import rounds
from instagram_webhooks.conf import conf
from instagram_webhooks.inbox import arrivals, minutes, moves, turn, wake_ups
from instagram_webhooks.inbox.sweep import Swept, sweep
from instagram_webhooks.inbox.wake_ups import Broker, BrokerAway
from instagram_webhooks.replies import waking
from instagram_webhooks.replies.first_account import ensure_first_account
from instagram_webhooks.worker import work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.pulse import end_hung
from instagram_webhooks.worker.retries import TryAgain
from instagram_webhooks.worker.standstill import Standstill
from instagram_webhooks.worker.transactions import drop_connection

log = logging.getLogger(__name__)

FIGURES_EVERY_S = 60.0
FORGOTTEN_EVERY_S = 30.0
REPLAYS_EVERY_S = 1.0
# With the broker away one thread works events off itself: slowly, but they move.
ROUND_S = 5.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of upkeep did. error: the first of the database's under a part of it, logged already."""

    swept: Swept
    processed: int
    broker_is_away: bool
    error: Error | None


class Upkeep:
    """Rounds of upkeep. `processes`: work due events off here even while the broker answers."""

    def __init__(self, *, processes: bool = False) -> None:
        self._processes = processes
        self._broker = Broker()
        self._next_alarms = self._next_figures = self._next_forgotten = 0.0
        self._has_account = self._is_away = self._replays = False
        self._last_took_s = 0.0
        self._swept = Swept(was_ours=False)
        self._pulse = Standstill()
        self._stopped = threading.Event()
        self._at_work = threading.Lock()  # while it works off an event

    def start(self) -> None:
        """Runs in a daemon thread until `stop`."""
        threading.Thread(target=self.run, name="upkeep", daemon=True).start()

    def stop(self, *, wait_s: float = 0.0) -> None:
        """The loop ends after the round that it is in; waits for so long for the event that it works off itself."""
        self._stopped.set()
        if self._at_work.acquire(timeout=wait_s):
            self._at_work.release()

    def run(self) -> None:
        """Round after round, replays of many between them; a database that is away is waited for."""
        while not self._stopped.is_set():
            self._safely(self._turn)
            until = time.monotonic() + conf().sweep_interval_s
            while (left := until - time.monotonic()) > 0:
                self._stopped.wait(min(left, REPLAYS_EVERY_S) if self._replays else left)
                if self._replays and not self._stopped.is_set():
                    self._safely(self._replay)

    def _turn(self) -> None:
        if not self._has_account:
            self._has_account = _apart("account", ensure_first_account) is None
        work.give_back_unknown()
        may_sweep = self._processes or self._is_away or turn.take(conf().sweep_interval_s / 2)
        if may_sweep and self.round().error is not None:
            return
        if self._pulse.lasts(life.beat_at()):
            end_hung("pulse")

    def _safely(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Error as exc:
            drop_connection()
            log.warning("database.away", extra={"error_class": type(exc).__name__})
        except Exception:  # whatever it was, the next round may mend it; upkeep must not end
            log.exception("upkeep.failed")

    def round(self) -> Round:
        """One sweep and what else is due."""
        due: list[UUID] = []
        self._swept = Swept(was_ours=False)
        errors = [_apart("wake", waking.wake_held), _apart("sweep", lambda: self._sweep(due))]
        processed = self._process(due)
        errors.append(_apart("replays", self._replay))
        now = time.monotonic()
        if now >= self._next_alarms:
            self._next_alarms = now + rounds.EVERY_S
            errors.append(_apart("alarms", rounds.run))
        if now >= self._next_figures:
            self._next_figures = now + FIGURES_EVERY_S
            errors.append(_apart("figures", _count))
        if now >= self._next_forgotten:
            self._next_forgotten = now + FORGOTTEN_EVERY_S
            errors.append(_apart("forgotten", moves.release_forgotten))
        return Round(self._swept, processed, self._is_away, next(filter(None, errors), None))

    def _replay(self) -> None:
        """A few letters of each replay of many; `_replays`: whether there are more."""
        self._replays = False
        if self._is_away:  # then one thread works off all there is
            return
        if turn.take(REPLAYS_EVERY_S * 0.9, "replays"):
            batch_run.run()
        self._replays = batch_run.is_any_waiting()

    def _sweep(self, due: list[UUID]) -> None:
        self._swept = sweep(lambda ids: self._offer(ids, due), depth=self._depth)
        if self._swept.was_ours:
            turn.done()
        # Of the last two the shorter: one that stood before a lock or a frozen database says nothing of the next.
        turn.rest(min(self._swept.took_s, self._last_took_s))
        self._last_took_s = self._swept.took_s

    def _depth(self) -> int | None:
        if self._processes:
            return None
        try:
            ready = self._broker.depth()
        except BrokerAway as exc:
            if not self._is_away:
                log.warning("broker.away", extra={"error_class": type(exc.__cause__).__name__})
            self._is_away = True
            return None
        if self._is_away:
            log.info("broker.back")
        self._is_away = False
        return ready + wake_ups.waiting()

    def _offer(self, ids: Iterable[UUID], due: list[UUID]) -> None:
        if self._processes or self._is_away:  # nobody may take them from the queue
            due.extend(ids)
        else:
            wake_ups.offer(ids)

    def _process(self, due: list[UUID]) -> int:
        until, count = time.monotonic() + ROUND_S, 0
        for event_id in due:
            if life.stopping.is_set() or self._stopped.is_set() or time.monotonic() > until:
                wake_ups.offer(due[count:])
                break
            with contextlib.suppress(TryAgain), self._at_work:  # committed; the sweep finds it when its time has come
                _work_off(event_id)
            count += 1
        return count


def _work_off(event_id: UUID) -> None:
    """What a policy lets out, as of a cancelled task, leaves its event to the lease; a person's Ctrl-C passes."""
    try:
        work.process(event_id)
    except Exception:
        raise
    except BaseException as exc:
        if isinstance(exc, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise
        log.warning("upkeep.event_left_to_lease", extra={"error_class": type(exc).__name__})


def _count() -> None:
    """The figures of pages; by one process, however many there are."""
    if turn.take(FIGURES_EVERY_S / 2, "figures"):
        causes.keep()
        minutes.count()
        arrivals.note()


def _apart(name: str, step: Callable[[], object]) -> Error | None:
    """Does one part of a round; where the database fails under it, its error, and the others are done all the same."""
    try:
        step()
    except Error as exc:
        drop_connection()
        log.warning("upkeep.step_failed", extra={"step": name, "error_class": type(exc).__name__})
        return exc
    return None

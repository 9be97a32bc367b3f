"""
A stage for a worker in this process that can die or stand still between any two of its steps.

Each wake-up runs in a thread of its own, with the points of tests/faults/points.py hung in. A crash
is an exception that no code of ours catches, so that what is not committed is rolled back and
nothing more is done; a stalled run waits until it is told to go on, as a process that was stopped.
"""

import functools
import importlib
import threading

from audit.ids import uuid7
from instagram_webhooks.worker import pulse, work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.retries import TryAgain
from instagram_webhooks.worker.transactions import drop_connection
from tests.faults.patching import place_of
from tests.faults.points import POINTS, watched

PATIENCE_S = 20.0
# Not inside a transaction, where a run that stands still would hold its locks.
STALLS = tuple(
    f"worker.{step}"
    for step in ("woken", "claimed", "opened", "account_found", "decided", "sending", "sends", "sent", "looked_up",
                 "ended", "failed")
)  # fmt: skip
CRASHES = tuple(name for name in POINTS if name.startswith("worker."))

_plan = threading.local()


class Crashed(BaseException):
    """The process died here."""


class Run:
    """One wake-up, worked off as far as its plan lets it."""

    def __init__(self, event_id, *, point=None, crashes=False):
        self._event_id, self._point, self._crashes = event_id, point, crashes
        self._moved = threading.Condition()
        self.is_stalled = self.has_ended = False
        self.error = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        self._wait()

    def resume(self):
        """Goes on to its end."""
        with self._moved:
            self.is_stalled = False
            self._moved.notify_all()
        self._wait()

    def _wait(self):
        with self._moved:
            assert self._moved.wait_for(lambda: self.is_stalled or self.has_ended, PATIENCE_S), "the run hangs"
        if self.error is not None:
            raise self.error

    def _work(self):
        _plan.run, _plan.point = self, self._point
        life.worker_id = uuid7()
        try:
            pulse.stamp("threads")
            work.process(self._event_id)
        except (Crashed, TryAgain):
            pass
        except BaseException as exc:  # noqa: BLE001 - raised again in the test's own thread
            self.error = exc
        finally:
            drop_connection()
            with self._moved:
                self.has_ended = True
                self._moved.notify_all()

    def pass_by(self):
        """At the point of its plan: once."""
        _plan.point = None
        if self._crashes:
            raise Crashed
        with self._moved:
            self.is_stalled = True
            self._moved.notify_all()
            self._moved.wait_for(lambda: not self.is_stalled)


def hang_in(monkeypatch):
    """Puts every point of the worker into the functions of this process."""
    for name in CRASHES:
        module, dotted, when = POINTS[name]
        holder, attribute = place_of(importlib.import_module(module), dotted)
        look = functools.partial(_look, name)
        monkeypatch.setattr(holder, attribute, watched(getattr(holder, attribute), when=when, pass_by=look))


def _look(name):
    if getattr(_plan, "point", None) == name:
        _plan.run.pass_by()

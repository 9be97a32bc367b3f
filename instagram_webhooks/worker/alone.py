"""
An event that several workers were lost over runs in a process of its own, so that it can end no other.

What that process came to tells an event that kills from one that was only near when a worker was killed.
"""

import contextlib
import logging
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from instagram_webhooks.conf import conf
from instagram_webhooks.errors import WorkerKiller
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.worker.life import life

log = logging.getLogger(__name__)

FROM_START = 3
COMMAND = (sys.executable, "-m", "django", "process_alone")
# Of the lease: what is left of it is for burying the event.
LONGEST, LONGEST_OF_ALL = 0.9, 0.98
LOOK_EVERY_S = 0.05
# Whoever kills a whole worker, a deploy for one, may reach the child a moment before its parent.
WE_MAY_BE_NEXT_S = 1.0
CRASHES = {signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
# All that the child may say, a byte each, on a pipe of its own: it has begun the work, it has ended it in order.
BEGUN, ENDED = b"b", b"e"


def work_off(claim: Claim, *, command: Sequence[str] = COMMAND) -> None:
    """Returns when the child has recorded what became of the event, or has left it to its lease.

    Raises WorkerKiller where the event ended its process, or did not end in time.
    """
    child = _Child(claim, command)
    usage = child.wait()
    if child.has_ended_in_order:
        return
    if child.code == -signal.SIGKILL and not child.is_late:
        time.sleep(WE_MAY_BE_NEXT_S)
    if life.stopping.is_set() or not _is_to_blame(child):
        log.warning("event.left_to_lease", extra={"exit_code": child.code, "starts": claim.starts})
        return
    raise WorkerKiller(
        starts=claim.starts,
        seconds=round(child.seconds, 1),
        peak_mb=usage.ru_maxrss // 1024,
        **({"exit_code": child.code} if child.code >= 0 else {"signal": -child.code}),
    )


def limit_s() -> float:
    """How long a child may take. A policy and a call that use all of their time are no killers."""
    lease_s, slowest_s = conf().lease_s, conf().reply_policy_budget_s + conf().graph_deadline_s
    return max(lease_s * LONGEST, min((slowest_s + lease_s) / 2, lease_s * LONGEST_OF_ALL))


def _is_to_blame(child: "_Child") -> bool:
    """Whether only the event can have ended the child.

    Not where the child never came to the work; not where this process or the database stood still while it
    did not end; and not where somebody sent it another signal than a crash does.
    """
    if child.work_begun_at is None:
        return False
    if child.is_late:
        return not life.missed_a_beat_since(child.begun_at)
    return child.code >= 0 or -child.code in CRASHES


class _Child:
    """The process of one event, from its start to its end."""

    def __init__(self, claim: Claim, command: Sequence[str]) -> None:
        self.begun_at = time.monotonic()
        self.work_begun_at: float | None = None
        self.has_ended_in_order = self.is_late = False
        self.limit_s = limit_s()
        self.code = 0
        self._said = b""
        notes, end_of_child = os.pipe()
        self._notes = os.fdopen(notes, "rb", buffering=0)
        os.set_blocking(notes, False)  # what the child started itself may hold the other end longer than it
        words = [str(claim.event_id), str(claim.fence), str(os.getpid()), f"{self.limit_s:.1f}", str(end_of_child)]
        try:
            # In a session of its own, so that a terminal's Ctrl-C is for us alone.
            self._popen = subprocess.Popen(
                [*command, *words], stdin=subprocess.DEVNULL, pass_fds=[end_of_child], start_new_session=True
            )
        except BaseException:
            self._notes.close()
            raise
        finally:
            os.close(end_of_child)
        log.warning("event.set_apart", extra={"starts": claim.starts, "child_pid": self._popen.pid})

    def wait(self) -> resource.struct_rusage:
        """What it used, when it has ended. Told to stop it hands back or finishes; too slow it is killed."""
        is_told = False
        with self._notes:
            while True:
                pid, status, usage = os.wait4(self._popen.pid, os.WNOHANG)
                self._listen(self._notes.read() or b"")
                if pid:
                    self._has_ended(status)
                    return usage
                if life.stopping.is_set() and not is_told:
                    is_told = True
                    os.kill(self._popen.pid, signal.SIGTERM)
                if time.monotonic() - (self.work_begun_at or self.begun_at) > self.limit_s and not self.is_late:
                    self.is_late = True
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(self._popen.pid, signal.SIGKILL)
                time.sleep(LOOK_EVERY_S)

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.begun_at

    def _listen(self, words: bytes) -> None:
        self._said += words
        if self.work_begun_at is None and self._said in (BEGUN, BEGUN + ENDED):
            self.work_begun_at = time.monotonic()
            life.begin_again()  # the child has renewed the lease
        self.has_ended_in_order = self._said in (ENDED, BEGUN + ENDED)

    def _has_ended(self, status: int) -> None:
        self.code = self._popen.returncode = os.waitstatus_to_exitcode(status)
        self.is_late |= self.code == -signal.SIGALRM  # its own limit, where we were held up

"""The child that works off one event alone: bounded in time and memory, and gone with its parent."""

import contextlib
import ctypes
import logging
import os
import resource
import signal
import sys
from pathlib import Path
from uuid import UUID

from django.db import Error

from instagram_webhooks.worker import scraped, work
from instagram_webhooks.worker.alone import BEGUN, ENDED
from instagram_webhooks.worker.life import life

log = logging.getLogger(__name__)

# Of data that can be written, not of address space, which libraries and threads reserve without use. Many times
# what an answer needs, and less than machines have: so the allocation fails here before the machine is short.
MEMORY_BYTES = 1024 * 1024 * 1024
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LEFT_TO_LEASE, CRASHED = os.EX_TEMPFAIL, os.EX_SOFTWARE
OUT_OF_MEMORY = 12  # ENOMEM


def run(event_id: UUID, fence: int, *, parent: int, limit_s: float, notes: int) -> None:
    """Works off the event that `parent` claimed with this fence. Does not return: the process ends here.

    notes: the pipe on which the parent is told how far it came. Whatever a policy raises or leaves running,
    nothing of it reaches standard error or holds up the end.
    """
    os.set_inheritable(notes, False)  # not for what a policy starts
    _tie_to(parent)
    bound(limit_s)
    scraped.count_as_child()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: life.stopping.set())
    code = 0
    try:
        work.process_held(event_id, fence, begun=lambda: _begin(notes, limit_s))
        os.write(notes, ENDED)
    except Error as exc:  # no outcome, and the database is not the event's fault
        log.warning("event.database_failed", extra={"error_class": type(exc).__name__})
        os.write(notes, ENDED)
        code = LEFT_TO_LEASE
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException as exc:  # SystemExit too: its words would be printed
        log.critical("process.crashed", exc_info=exc)
        code = CRASHED
    with contextlib.suppress(Exception):
        logging.shutdown()
    os._exit(code)


def _begin(notes: int, limit_s: float) -> None:
    os.write(notes, BEGUN)
    signal.setitimer(signal.ITIMER_REAL, limit_s)


def _tie_to(parent: int) -> None:
    """Killed when its parent dies. Linux means the thread that started us, and that one waits for us."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os._exit(LEFT_TO_LEASE)


def bound(limit_s: float) -> None:
    """Limits this process in time and memory, and in what a crash of it leaves behind."""
    signal.setitimer(signal.ITIMER_REAL, limit_s)  # SIGALRM ends it, also where nobody is left who could
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its memory holds what customers wrote, and keys
    # Where a container has less than that, the kernel is to end this process and none of its neighbours.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")

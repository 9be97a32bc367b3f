"""
Being told to stop. A signal is only noted, and whoever waits looks at the note.

An exception from the handler would be lost where Python swallows them, in callbacks of a fork for example,
and the stopping itself must not be disturbed by somebody who is impatient.
"""

import ctypes
import os
import signal
import sys
from types import FrameType

from webhooks_project.demo.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_noted: list[int] = []


def listen() -> None:
    """From now on signals are noted."""
    for number in SIGNALS:
        signal.signal(number, _note)


def check() -> None:
    """Interrupted where a signal came."""
    if _noted:
        raise Interrupted(_noted[0])


def end_with_make() -> None:
    """Where `make` started this process and is killed, we get a SIGTERM: nobody else would stop us."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _note(number: int, _frame: FrameType | None) -> None:
    _noted.append(number)

"""Being told to stop: the first signal ends the story, and from then on none disturbs the stopping."""

import ctypes
import os
import signal
import sys
from types import FrameType

from webhooks_project.demo.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def listen() -> None:
    """From now on a signal raises Interrupted, wherever this process is."""
    for number in SIGNALS:
        signal.signal(number, _raise)


def no_more_signals() -> None:
    """From now on signals are ignored: whoever is impatient would only leave processes behind."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_with_make() -> None:
    """Where `make` started this process and is killed, we get a SIGTERM: nobody else would stop us."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def _raise(number: int, _frame: FrameType | None) -> None:
    no_more_signals()
    raise Interrupted(number)

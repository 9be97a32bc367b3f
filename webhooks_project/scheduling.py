"""How the kernel shares a core among the threads of a process."""

import contextlib
import os


def let_others_finish() -> None:
    """From now on no thread or child of this one takes the core from whatever runs the moment it wakes.

    Python runs one thread at a time: whoever is woken while another runs would find it so, and go back to sleep. Each
    is two switches in vain, a third of all; they took 8 % of web's time. A core that is free is taken as before.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        if os.sched_getscheduler(0) == os.SCHED_OTHER:  # else somebody has chosen another
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

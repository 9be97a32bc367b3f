"""The reply policy of a run: its texts name the event that they answer, and some messages end whoever works on them."""

import os
import signal
from pathlib import Path

from tests.faults.plan import KILLER


def repeat(context):
    if context.text.startswith(KILLER):
        # For whoever watches the processes: this end is of our doing.
        Path(os.environ["FAULTS_ARMED"], f"killer.hit.{os.getpid()}").write_text("kill")
        os.kill(os.getpid(), signal.SIGKILL)
    return f"re {context.text}"

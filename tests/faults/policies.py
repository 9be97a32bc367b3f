"""The reply policy of a run: its texts name the event that they answer; some messages end whoever works on them."""

import os
import signal
from pathlib import Path

from instagram_webhooks.errors import PolicyOverBudget
from tests.faults.plan import KILLER

HEAD = "head"  # fails again and again, at no fault of Meta's or the account's


def repeat(context):
    if context.text == HEAD:
        raise PolicyOverBudget
    if context.text.startswith(KILLER):
        # For whoever watches the processes: this end is of our doing.
        Path(os.environ["FAULTS_ARMED"], f"killer.hit.{os.getpid()}").write_text("kill")
        os.kill(os.getpid(), signal.SIGKILL)
    return f"re {context.text}"

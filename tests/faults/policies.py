"""The reply policy of a run: its texts name the event that they answer; some messages end whoever works on them."""

import os
import signal
from pathlib import Path

from instagram_webhooks.errors import PolicyOverBudget
from tests.faults.plan import KILLER

HEAD = "head"  # fails again and again, at no fault of Meta's or the account's
BROKEN, HOPELESS = "broken", "hopeless"  # die by the same mistake: one while it is there, the other always
MISTAKE = "policy.mistake"


def repeat(context):
    if context.text == HEAD:
        raise PolicyOverBudget
    if context.text.startswith(HOPELESS) or (context.text.startswith(BROKEN) and _mark(MISTAKE).exists()):
        raise KeyError(context.text)
    if context.text.startswith(KILLER):
        # For whoever watches the processes: this end is of our doing.
        _mark(f"killer.hit.{os.getpid()}").write_text("kill")
        os.kill(os.getpid(), signal.SIGKILL)
    return f"re {context.text}"


def _mark(name):
    return Path(os.environ["FAULTS_ARMED"], name)

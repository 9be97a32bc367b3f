"""What a process of the product needs in its environment to run under faults, and how it gets it."""

import dataclasses
import os
import sys
from pathlib import Path

from tests.faults import flaws, points
from tests.faults.patching import Patches, constant

CHECKOUT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).parent / "site"
ARMED, FLAWS, SCALED = "FAULTS_ARMED", "FAULTS_FLAWS", "FAULTS_SCALED"

# Times that are no settings, scaled as times.py scales the settings: (module, name, value).
CONSTANTS = (
    ("instagram_webhooks.replies.pause", "PROBE_SLACK_S", 1.0),
    ("instagram_webhooks.replies.echoes", "FIRST_WAIT_S", 0.5),
    ("instagram_webhooks.replies.echoes", "LONGEST_WAIT_S", 2.0),
    ("instagram_webhooks.inbox.sweep", "GATE_OF_EMPTY_QUEUE_S", 1.0),
    ("instagram_webhooks.worker.upkeep", "FORGOTTEN_EVERY_S", 2.0),
    ("instagram_webhooks.worker.boot", "END_AFTER_S", 8.0),
)
KNOBS = {"first_pause_s": 0.5, "longest_pause_s": 2.0}


def _scaled_knobs(settings):
    settings.WEBHOOKS = dataclasses.replace(settings.WEBHOOKS, **KNOBS)


def environment(armed, *, with_flaws=(), scaled=True):
    """Variables for a process of the product. armed: the folder of armed crash points."""
    paths = [str(SITE), str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        ARMED: str(armed),
        FLAWS: ",".join(with_flaws),
        SCALED: "1" if scaled else "",
    }


def install(environ=os.environ):
    """Patches this process as its environment says; called at its start by site/sitecustomize.py."""
    if ARMED not in environ:
        return
    changes = {}
    if environ.get(SCALED):
        for module, name, value in CONSTANTS:
            changes.setdefault(module, []).append(constant(name, value))
        changes["webhooks_project.settings"] = [_scaled_knobs]
    for name in filter(None, environ.get(FLAWS, "").split(",")):
        for module, change in flaws.FLAWS[name].changes:
            changes.setdefault(module, []).append(change)
    for module, change in points.changes(environ[ARMED]).items():
        changes.setdefault(module, []).extend(change)
    Patches(changes).install()


if __name__ == "__main__":
    # python -m tests.faults.launch MODULE ARGUMENTS…: the same as python -m, for a try by hand.
    armed = os.environ.get(ARMED, "/nonexistent")
    os.execve(sys.executable, [sys.executable, "-m", *sys.argv[1:]], os.environ | environment(armed))

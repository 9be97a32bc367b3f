"""Waiting for what is about to come true, in a way that a signal ends."""

import time
from collections.abc import Callable
from typing import TypeVar

from webhooks_project.demo import signals

Seen = TypeVar("Seen")


def waited_for(look: Callable[[], Seen | None], *, within_s: float, every_s: float = 0.1) -> Seen | None:
    """What `look` sees as soon as that is something; None where it was nothing until the end."""
    deadline = time.monotonic() + within_s
    while True:
        signals.check()
        if seen := look():
            return seen
        if time.monotonic() > deadline:
            return None
        time.sleep(every_s)

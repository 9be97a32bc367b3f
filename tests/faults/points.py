"""
Named crash points between every two steps of the door, the worker and the sweep.

To arm one, write what is to happen into a file of its name in the folder FAULTS_ARMED; whichever
process comes by first takes it (the file becomes NAME.hit.PID) and does it: once.

    kill      SIGKILL to itself
    stop      SIGSTOP to itself; somebody else lets it go on
    sleep:S   seconds of nothing, with whatever locks it holds
    throw     an error of the database
"""

import functools
import os
import signal
import time
from pathlib import Path

from tests.faults.patching import replaced

_INBOX, _REPLIES, _WORKER = (f"instagram_webhooks.{room}" for room in ("inbox", "replies", "worker"))

# name: (module, function, before or after it). "written" is inside the transaction, before its commit.
POINTS = {
    "door.verified": ("instagram_webhooks.door.signatures", "verify", "after"),
    "door.stored": (f"{_INBOX}.accept", "accept", "after"),
    "door.offered": (f"{_INBOX}.wake_ups", "offer", "after"),
    "publisher.takes": (f"{_INBOX}.wake_ups", "Broker.publish", "before"),
    "publisher.published": (f"{_INBOX}.wake_ups", "Broker.publish", "after"),
    "worker.woken": (f"{_WORKER}.work", "process", "before"),
    "worker.claimed": (f"{_WORKER}.taking", "by_event", "after"),
    "worker.next": (f"{_WORKER}.taking", "by_lane", "before"),
    "worker.next_claimed": (f"{_WORKER}.taking", "by_lane", "after"),
    "worker.opened": (f"{_WORKER}.work", "_opened", "after"),
    "worker.account_found": (f"{_REPLIES}.pause", "of", "after"),
    "worker.decided": (f"{_REPLIES}.policy", "ask", "after"),
    "worker.begins": (f"{_WORKER}.commits", "begin", "before"),
    "worker.begun": (f"{_WORKER}.commits", "begin", "after"),
    "worker.renewed": (f"{_INBOX}.finish", "renew", "after"),
    "worker.sending_written": (f"{_REPLIES}.outbox", "write", "after"),
    "worker.sending_again_written": (f"{_REPLIES}.outbox", "sending", "after"),
    "worker.sending": (f"{_WORKER}.answering", "_send", "before"),
    "worker.sends": (f"{_REPLIES}.graph_api", "send_text", "before"),
    "worker.sent": (f"{_REPLIES}.graph_api", "send_text", "after"),
    "worker.looks_up": (f"{_REPLIES}.lookup", "resolve", "before"),
    "worker.looked_up": (f"{_REPLIES}.lookup", "resolve", "after"),
    "worker.ends": (f"{_WORKER}.commits", "end", "before"),
    "worker.end_committed": (f"{_WORKER}.commits", "end", "after"),
    "worker.finishes": (f"{_INBOX}.finish", "processed", "before"),
    "worker.end_written": (f"{_INBOX}.finish", "processed", "after"),
    "worker.sent_written": (f"{_REPLIES}.thread", "add_reply", "after"),
    "worker.ended": (f"{_WORKER}.answering", "_finish_sent", "after"),
    "worker.fails": (f"{_WORKER}.outcomes", "failed", "before"),
    "worker.retry_written": (f"{_INBOX}.finish", "retrying", "after"),
    "worker.failed": (f"{_WORKER}.outcomes", "failed", "after"),
    "worker.death_written": (f"{_INBOX}.finish", "dead", "after"),
    "worker.gives_up": (f"{_WORKER}.outcomes", "give_up", "before"),
    "sweep.rescued": (f"{_INBOX}.sweep", "_rescue", "after"),
    "sweep.took": (f"{_INBOX}.sweep", "_take", "after"),
    "sweep.offers": (f"{_WORKER}.upkeep", "Upkeep._offer", "before"),
    "pulse.stamped": (f"{_WORKER}.pulse", "stamp", "after"),
}
NAMES = tuple(POINTS)
# The one window that is left: between the last look at the clock and the first byte. Never armed at random.
WINDOW = "worker.window"
_WIRE = f"{_REPLIES}.wire"


def changes(armed):
    """What to change in which module, for patching.Patches; `armed`: the folder."""
    found = {}
    for name, (module, function, when) in POINTS.items():
        hold = functools.partial(watched, when=when, pass_by=functools.partial(pass_by, Path(armed) / name))
        found.setdefault(module, []).append(replaced(function, hold))
    found.setdefault(_WIRE, []).append(replaced("_write", functools.partial(_in_the_window, Path(armed) / WINDOW)))
    return found


def _in_the_window(file, original):
    """The write of a request, whose last line may be held up."""
    return lambda sock, *more: original(_HeldUp(sock, file), *more)


class _HeldUp:
    def __init__(self, sock, file):
        self._sock, self._file = sock, file

    def sendall(self, whole):
        pass_by(self._file)
        return self._sock.sendall(whole)


def watched(original, *, when, pass_by):
    """The function, with a word to `pass_by` before or after it."""

    @functools.wraps(original)
    def passing(*args, **more):
        if when == "before":
            pass_by()
            return original(*args, **more)
        done = original(*args, **more)
        pass_by()
        return done

    return passing


def pass_by(file):
    """Does what the file says, if it is there and nobody else was faster."""
    if not file.exists():
        return
    hit = file.with_name(f"{file.name}.hit.{os.getpid()}")
    try:
        file.rename(hit)
    except OSError:
        return
    act(hit.read_text().strip())


def act(what):
    word, _, value = what.partition(":")
    if word == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif word == "sleep":
        time.sleep(float(value))
    elif word == "throw":
        from django.db import OperationalError

        raise OperationalError("thrown at a crash point")

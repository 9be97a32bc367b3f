"""Processes by their id: who they are, who descends from them, how they are ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def until(condition: Callable[[], bool], *, within_s: float, every_s: float = 0.02) -> bool:
    """Whether `condition` came true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def dying_with_us(number: signal.Signals) -> Callable[[], None] | None:
    """What a child calls before exec so that it gets `number` when we die hard; None where that cannot be.

    Linux ties it to the *thread* that forked, not to the process: a server started from a thread that ends
    would be stopped with it. So only the main thread uses it; what others start is ended at the next start.
    """
    if _libc is None or threading.current_thread() is not threading.main_thread():
        return None
    libc, parent = _libc, os.getpid()

    def bind() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os.kill(os.getpid(), signal.SIGKILL)

    return bind


def names(pid: int, path: Path) -> bool:
    """Whether process `pid` has `path` in its command line: an id alone may be another process's by now."""
    if PROC.is_dir():
        try:
            words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(path) in words
    return str(path) in _shown(pid, "command")


def tree(root: int) -> list[int]:
    """The process `root` and its descendants, parents first; where there is no /proc, itself alone."""
    parents = _parents()
    found = [root]
    for parent in found:
        found += [pid for pid, its_parent in parents.items() if its_parent == parent]
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Signal each of them; those that are gone are passed over."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def lives(pid: int) -> bool:
    """Whether the process runs; one that only waits for its parent to notice its end does not."""
    if PROC.is_dir():
        return _parent(pid) is not None
    return _shown(pid, "stat").strip()[:1] not in {"", "Z"}


def end(pid: int, polite: signal.Signals, *, within_s: float = 10) -> None:
    """End a process and its descendants: first politely, then by force. Frozen ones are thawed to hear it."""
    family = tree(pid)
    send([pid], polite)
    send(family, signal.SIGCONT)
    if not until(lambda: not any(map(lives, family)), within_s=within_s):
        send(list({*family, *tree(pid)}), signal.SIGKILL)
        until(lambda: not any(map(lives, family)), within_s=within_s)


def _shown(pid: int, column: str) -> str:
    """What ps knows, where there is no /proc."""
    command = ["ps", "-ww", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _parents() -> dict[int, int]:
    """Parent's id by process id, of all that run."""
    pids = (int(path.name) for path in PROC.glob("[0-9]*"))
    return {pid: parent for pid in pids if (parent := _parent(pid)) is not None}


def _parent(pid: int) -> int | None:
    """The parent's id; None for a process that has ended, also where its parent has not noticed it."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return None if state in "ZX" else int(parent)

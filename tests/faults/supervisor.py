"""Processes of the product that are started again whenever they end, as an init system would."""

import json
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.processes.process import Process
from webhooks_project.embedded import processes

PAUSE_S = 0.2
# Parents may give up when a child dies while they start, or two in a row: an end so soon is of our doing.
FELT_S = 15.0  # starting takes its time, also where many are started at once
ENDS_WITHIN_S = 10.0
SERIOUS = ("error", "critical")


@dataclass(frozen=True, slots=True)
class End:
    """How one process ended, and whether somebody had told it to."""

    name: str
    at: float
    code: int
    was_told: bool
    last_words: str = field(repr=False)


class Supervised:
    """One process of the product, with a thread that waits for its end."""

    def __init__(self, name, words, *, folder, environ, is_told=lambda pid: False):
        self.name = name
        self._words, self._folder, self._environ, self._is_told = words, folder, environ, is_told
        self._told, self._harmed_at = set(), 0.0
        self._running = threading.Condition()
        self._process = None
        self._thread = threading.Thread(target=self._keep, name=f"keeps-{name}", daemon=True)
        self.wanted = True
        self.ends = []

    def start(self):
        self._thread.start()
        with self._running:
            self._running.wait_for(lambda: self._process is not None, timeout=5)

    @property
    def pid(self):
        """Of the one that runs now, or the last one's."""
        return self._process.pid

    @property
    def log(self):
        return self._process.log

    @property
    def restarts(self):
        return len(self.ends)

    @property
    def is_alive(self):
        return processes.lives(self.pid)

    def family(self):
        """The process and its descendants, parents first."""
        return processes.tree(self.pid)

    # --- what is done to it ----------------------------------------------------------------------

    def kill(self, number=signal.SIGKILL):
        """Signals it; with SIGKILL its whole tree. Returns once the end was noticed, but at other signals at once."""
        with self._running:
            pid = self.pid
            self._told.add(pid)
        family = processes.tree(pid)
        processes.send(family if number == signal.SIGKILL else [pid], number)
        if number == signal.SIGKILL:
            processes.send(processes.tree(pid), number)  # who was forked meanwhile
            processes.until(lambda: not any(map(processes.lives, family)), within_s=5)

    def kill_child(self, pid):
        """kill -9 of one process of its tree."""
        self._harmed_at = time.time()
        processes.send([pid], signal.SIGKILL)

    def thaw(self, pids):
        """Lets some of its tree go on; a worker that stood still beyond its lease then ends for its supervisor."""
        self._harmed_at = time.time() + ENDS_WITHIN_S
        processes.send(pids, signal.SIGCONT)

    def await_restart(self, restarts, *, within_s):
        """Whether another one runs than when it had so many restarts."""
        with self._running:
            return self._running.wait_for(lambda: self.restarts > restarts and self.is_alive, timeout=within_s)

    def stop(self):
        """Ends it for good."""
        self.wanted = False
        if self._process is not None:
            self.kill()
            self._thread.join(5)

    # --- what became of it -----------------------------------------------------------------------

    def unbidden(self):
        """Ends that nobody asked for and that were no success."""
        return [end for end in self.ends if not end.was_told and end.code != 0]

    def complaints(self):
        """How often each error was logged, and how many bare tracebacks stand in the log."""
        count = Counter()
        with self.log.open(errors="replace") as lines:
            for line in lines:
                if line.startswith("Traceback"):
                    count["Traceback"] += 1
                elif line.startswith("[ERROR]"):
                    count[line.strip()] += 1
                elif line.startswith("{") and '"level": "' in line:
                    count.update(_complaint(line))
        return count

    def _keep(self):
        while self.wanted:
            process = Process(self.name, self._words, folder=self._folder, environ=self._environ)
            with self._running:
                self._process = process
                self._running.notify_all()
            code = process.exit_code(within_s=None)
            if not self.wanted:
                return
            was_told = process.pid in self._told or self._is_told(process.pid) or time.time() < self._harmed_at + FELT_S
            words = "" if was_told else process.last_words()
            with self._running:
                self.ends.append(End(self.name, time.time(), code, was_told, words))
            time.sleep(PAUSE_S)


def _complaint(line):
    try:
        said = json.loads(line)
    except ValueError:
        return []
    if str(said.get("level", "")).lower() not in SERIOUS:
        return []
    where = said.get("frames") or []
    return [" ".join(map(str, filter(None, (said.get("event"), said.get("error"), where[-1] if where else ""))))]

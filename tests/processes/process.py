"""One process of the product: started, awaited, signalled and ended by its id; what it says goes to a file."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from webhooks_project.embedded import processes

CHECKOUT = Path(__file__).resolve().parents[2]
LAST_LINES = 25
PATIENCE_S = 60.0  # others may use this machine too


def until(condition, what, *, within_s=PATIENCE_S):
    """What `condition` gives once it is true; an assertion that names `what` where it does not become so."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.03)
    return found


class Process:
    def __init__(self, name, words, *, folder, environ, program=sys.executable, home=CHECKOUT, preexec_fn=None):
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [program, *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=home,
                env=environ,
                start_new_session=True,
                preexec_fn=preexec_fn,  # noqa: PLW1509 - given from the main thread only
            )
        self.pid = self._popen.pid

    @property
    def is_alive(self):
        return self._popen.poll() is None

    def signal(self, number):
        self._popen.send_signal(number)

    def exit_code(self, *, within_s):
        """How it ended by itself."""
        return self._popen.wait(within_s)

    def kill(self):
        """kill -9 of it and its children."""
        family = processes.tree(self.pid) if self.is_alive else []
        processes.send(family, signal.SIGKILL)
        self._popen.wait(10)
        processes.until(lambda: not any(map(processes.lives, family)), within_s=10)

    def freeze(self):
        processes.send(processes.tree(self.pid), signal.SIGSTOP)

    def thaw(self):
        processes.send(processes.tree(self.pid), signal.SIGCONT)

    # --- what it said ----------------------------------------------------------------------------

    def text(self):
        return self.log.read_text(errors="replace")

    def said(self, event=None):
        """Its log lines in order, of one event or all."""
        lines = [json.loads(line) for line in self.text().splitlines() if line.startswith("{") and line.endswith("}")]
        return [line for line in lines if event in (None, line["event"])]

    def last_words(self):
        return "\n".join(self.text().splitlines()[-LAST_LINES:])

"""The processes of the demo: started, watched, stopped; none outlives it, however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from webhooks_project.demo.errors import DemoEnded, NotSeen
from webhooks_project.demo.waiting import waited_for
from webhooks_project.embedded import processes

CHECKOUT = Path(__file__).resolve().parents[2]
# Every process of a run bears this variable, with the run's folder as its value: so the next run knows
# what a killed one left behind, also the children of its children.
MARK = "INSTAGRAM_WEBHOOKS_DEMO"
STOP_S = 30  # a worker ends within this
LAST_LINES = 12


class Child:
    """One process with a log and a file with its id, both in the folder of the run."""

    def __init__(self, name: str, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.pid_file = folder / f"{name}.pid"
        self._command = [sys.executable, "-m", *arguments]
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it prints is added to its log."""
        with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=CHECKOUT,
                env=self._environ,
                start_new_session=True,  # Ctrl-C is for us; we stop the others in their order
                preexec_fn=processes.dying_with_us(signal.SIGTERM),  # noqa: PLW1509 - from the main thread only
            )
        self.pid_file.write_text(f"{self._process.pid}\n")

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def end_in_words(self) -> str:
        """How it ended: `exit code 1`, `signal 9`."""
        code = self._process.poll() if self._process else None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"

    def stop(self) -> None:
        """End it in order, by force where it does not; it can be started again."""
        if self._process is None:
            return
        if self.is_alive:
            processes.end(self._process.pid, signal.SIGTERM, within_s=STOP_S)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        self._process = None
        self.pid_file.unlink(missing_ok=True)

    def must_live(self) -> None:
        """NotSeen where it ended by itself."""
        if self._process is not None and not self.is_alive:
            raise NotSeen(f"The {self.name} process ended: {self.end_in_words()}.", process=self.name)

    def last_words(self) -> str:
        return tail(self.log)


class Children:
    """All of them by name, stopped in the order of STOPPED: first what brings work, last what others need."""

    STOPPED = ("trickle", "web", "worker", "beat", "simulator")

    def __init__(self) -> None:
        self._children: dict[str, Child] = {}

    def add(self, child: Child) -> None:
        self._children[child.name] = child

    def __getitem__(self, name: str) -> Child:
        return self._children[name]

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children.values())

    def __len__(self) -> int:
        return len(self._children)

    def must_live(self) -> None:
        """NotSeen where one ended by itself."""
        for child in self:
            child.must_live()

    def stop(self) -> None:
        """Stop all of them, also where one cannot be stopped."""
        with contextlib.ExitStack() as stack:
            for name in reversed(self.STOPPED):
                if child := self._children.get(name):
                    stack.callback(child.stop)


def run(arguments: Sequence[str], environ: Mapping[str, str], *, text_in: str = "", within_s: float = 90) -> str:
    """What a command of this project prints; DemoEnded with its last lines where it fails."""
    shown = f"`{' '.join(arguments[:2])}`"
    with _scratch() as asked, _scratch() as said, _scratch() as complained:
        asked.write(text_in)
        asked.seek(0)
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=asked,
            stdout=said,
            stderr=complained,
            cwd=CHECKOUT,
            env=dict(environ),
            start_new_session=True,
            preexec_fn=processes.dying_with_us(signal.SIGTERM),  # noqa: PLW1509 - from the main thread only
        )
        if not _has_ended(process, within_s):
            raise DemoEnded(f"{shown} did not end within {within_s:g} s.")
        said.seek(0)
        complained.seek(0)
        text = said.read()
        if process.returncode:
            last = "\n".join((text + complained.read()).strip().splitlines()[-LAST_LINES:])
            raise DemoEnded(f"{shown} failed with exit code {process.returncode}:\n{last}")
    return text


def _scratch() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")


def _has_ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    """Whether it ended by itself in time; it does not run any longer in any case."""
    try:
        return bool(waited_for(lambda: process.poll() is not None, within_s=within_s, every_s=0.02))
    finally:
        process.kill()
        process.wait()


def end_leftovers(folder: Path) -> int:
    """End every process that bears the mark of this folder; how many there were. Needs /proc."""
    mark = os.fsencode(f"{MARK}={folder}")
    found = [pid for path in processes.PROC.glob("[0-9]*") if _bears(path, mark) and (pid := int(path.name))]
    found = [pid for pid in found if pid != os.getpid() and processes.lives(pid)]
    processes.send(found, signal.SIGTERM)
    if not processes.until(lambda: not any(map(processes.lives, found)), within_s=5):
        processes.send(found, signal.SIGKILL)
        processes.until(lambda: not any(map(processes.lives, found)), within_s=5)
    return len(found)


def tail(log: Path, count: int = LAST_LINES) -> str:
    """The last lines of a log; "" where there is none."""
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    return ""


def _bears(process: Path, mark: bytes) -> bool:
    try:
        return mark in (process / "environ").read_bytes().split(b"\0")
    except OSError:  # another user's, or gone
        return False

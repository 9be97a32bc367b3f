"""One server process: started, stopped, killed and frozen by us, known again after a crash of ours."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from webhooks_project.embedded import processes
from webhooks_project.embedded.account import Account, bare_environment
from webhooks_project.embedded.errors import ServerFailed
from webhooks_project.embedded.ladder import Program

HOST = "127.0.0.1"
ANSWER_S = 60  # a machine under load recovers a large log slowly
RETRY_S = 5  # killed servers leave children that hold shared memory for a moment


class Server(ABC):
    """A server in `folder`, a sub-folder of the private one that belongs to the servers' user.

    `port` stays the same from the first answer on, so that a URL outlives stop() and start().
    """

    name: str
    title: str
    polite: signal.Signals

    def __init__(self, private: Path, *, program: Program, account: Account, password: str, durable: bool) -> None:
        self.folder = private / self.name
        self.log = private / f"{self.name}.log"
        self.program, self.account, self.durable = program, account, durable
        self.password = password
        self.port = free_port()
        self.pid_file = private / f"{self.name}.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._has_answered = False

    @property
    @abstractmethod
    def url(self) -> str: ...

    @property
    def data(self) -> Path:
        """Where the data lie; a word of the command line, which tells whose server a process is."""
        return self.folder

    @abstractmethod
    def prepare(self) -> None:
        """Lay the data where there is none yet."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    def configuration(self) -> bytes:
        """What the server reads from its standard input."""
        return b""

    @property
    def pid(self) -> int | None:
        """Id of the running process; None while it is stopped."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def open(self) -> None:
        """End what an earlier run left here, then lay the data and start."""
        self._end_leftovers()
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            self.account.give(self.folder)
        self.log.write_bytes(b"")
        self.prepare()
        self.start()

    def start(self) -> None:
        """Start and wait until it answers; nothing is done where it runs. ServerFailed has its last words."""
        deadline = time.monotonic() + RETRY_S
        while self.pid is None:
            self._spawn()
            if self._came_up():
                self._has_answered = True
            elif time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} does not start; its last words:\n{self._last_words()}")
            elif not self._has_answered:  # somebody may have taken the port that was free
                self.port = free_port()

    def stop(self) -> None:
        """End the process in order; its data stay."""
        if (pid := self.pid) and self._process:
            processes.end(pid, self.polite)
            self._process.wait()
        self.pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """kill -9 of the process and its children, as a power cut would."""
        if (pid := self.pid) and self._process:
            family = processes.tree(pid)
            processes.send(family, signal.SIGKILL)
            self._process.wait()
            processes.until(lambda: not any(map(processes.lives, family)), within_s=10)

    def freeze(self) -> None:
        """Stop the clocks of the process and its children: connections stay open, nothing answers."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze()."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if pid := self.pid:
            processes.send(processes.tree(pid), number)

    def _spawn(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=bare_environment(),
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.extra_groups,
                start_new_session=True,  # Ctrl-C is for us; we stop the servers last
                preexec_fn=processes.dying_with_us(self.polite),  # noqa: PLW1509 - from the main thread only
            )
        self.pid_file.write_text(str(self._process.pid))
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError), self._process.stdin as asked:
                asked.write(self.configuration())

    def _came_up(self) -> bool:
        """Whether it answers in time; ended where not."""
        processes.until(lambda: self.pid is None or self.answers(), within_s=ANSWER_S)
        if self.pid is not None and self.answers():
            return True
        self.kill()
        return False

    def pid_files(self) -> list[Path]:
        """Files whose first line is the id of a server that runs, or ran, in this folder."""
        return [self.pid_file]

    def _end_leftovers(self) -> None:
        """End a server of a run that was killed. We hold the folder's lock, so no living run owns it.

        The files go too: their ids may be other processes' by now, and PostgreSQL would not start for that.
        """
        for path in self.pid_files():
            with contextlib.suppress(OSError, ValueError, IndexError):
                pid = int(path.read_text().splitlines()[0])
                if processes.names(pid, self.data):
                    processes.end(pid, self.polite)
            path.unlink(missing_ok=True)

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

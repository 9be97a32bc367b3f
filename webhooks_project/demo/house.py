"""Everything that the story needs, running; and stopped again, in order, however it ends."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from webhooks_project import embedded
from webhooks_project.demo import guard, known_tables, processes
from webhooks_project.demo.errors import NotSeen
from webhooks_project.demo.meta import Meta
from webhooks_project.demo.opening import Opening
from webhooks_project.demo.processes import Children
from webhooks_project.demo.product import Product
from webhooks_project.demo.stage import Stage
from webhooks_project.demo.variables import Places
from webhooks_project.demo.words import heading, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A running service. environ: what its processes run with, and those that join them."""

    folder: Path
    services: embedded.Services
    children: Children
    places: Places
    stage: Stage
    password: str = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Home]:
    """The whole service, from PostgreSQL to the stand-in for Meta; all of it stopped afterwards."""
    opening = Opening(folder)
    heading("Getting ready")
    servers = folder / "servers"
    if (servers / "postgres").exists() and not known_tables.fit(servers):
        say("The tables of an earlier start do not fit this version: it begins with empty ones.")
        embedded.forget(servers)
    try:
        with embedded.services(servers, announce=lambda _: None) as services:
            _introduce(services)
            if services.postgres:
                known_tables.remember(servers)
            guard.claim_database(services.database_url)
            guard.claim_broker(services.redis_url)
            with _stopped_afterwards(opening):
                yield _home(opening, services)
    finally:
        if len(opening.children):
            say(f"All of it is stopped. Data and logs are kept in {folder}; `make clean` removes them.")


@contextlib.contextmanager
def _stopped_afterwards(opening: Opening) -> Iterator[None]:
    """Stops the processes; of a failure the last words are taken first."""
    try:
        yield
    except NotSeen as exc:
        exc.last_words = processes.tail(opening.folder / f"{exc.process}.log")
        raise
    finally:
        heading("Stopping what was started")
        opening.children.stop()
        processes.end_leftovers(opening.folder)


def _introduce(services: embedded.Services) -> None:
    for server in (services.postgres, services.redis):
        if server:
            whose = "of this machine" if server.program.rung == "path" else "from its wheel"
            say(f"{server.title} {server.program.version} ({whose}), port {server.port}.")


def _home(opening: Opening, services: embedded.Services) -> Home:
    opened = opening.everything(services)
    product = Product(opened.places, opened.environ, api_token=opened.api_token)
    return Home(
        folder=opening.folder,
        services=services,
        children=opening.children,
        places=opened.places,
        stage=Stage(product, Meta(opened.places, opened.environ), opening.children),
        password=opened.password,
        environ=opened.environ,
    )

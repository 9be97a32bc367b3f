"""Everything that the story needs, running; and stopped again, in order, however it ends."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from webhooks_project import embedded
from webhooks_project.demo import guard, local_http, processes, variables
from webhooks_project.demo.errors import NotSeen
from webhooks_project.demo.meta import Meta
from webhooks_project.demo.processes import Child, Children
from webhooks_project.demo.product import Product
from webhooks_project.demo.signals import no_more_signals
from webhooks_project.demo.stage import Stage, duration
from webhooks_project.demo.variables import ACCOUNT, TOKEN, Places
from webhooks_project.demo.words import heading, say
from webhooks_project.embedded.server import free_port

READY_S = 60.0
PORTS_TRIED = 3
ENV_FILE = "demo.env"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A running service. environ: what its processes run with, and those that join them."""

    folder: Path
    began: float
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
    with embedded.services(folder / "servers", announce=say) as services:
        guard.claim_database(services.database_url)
        guard.claim_broker(services.redis_url)
        try:
            yield opening.home(services)
        except NotSeen as exc:
            exc.last_words = processes.tail(folder / f"{exc.process}.log")
            raise
        finally:
            no_more_signals()
            heading("Stopping what was started")
            opening.children.stop()
            processes.end_leftovers(folder)
    say(f"All of it is stopped. Its data and logs are kept in {folder}; `make clean` removes them.")


class Opening:
    """The start, step by step."""

    def __init__(self, folder: Path) -> None:
        self.began = time.monotonic()
        self.folder = folder
        self.children = Children()
        self._common = {**variables.without_settings(os.environ), processes.MARK: str(folder)}
        for old in (*folder.glob("*.log"), *folder.glob("*.pid"), *folder.glob("*.port")):
            old.unlink()

    def home(self, services: embedded.Services) -> Home:
        places = Places(
            database_url=services.database_url,
            redis_url=services.redis_url,
            web_port=0,
            graph_port=self._graph(),
            secret_key=kept_secret(self.folder / "secret_key", length=48),
        )
        password = kept_secret(self.folder / "password", length=9)
        api_token = self._seeded(places, password)
        say(f"Tables and login are made ({self._so_far()}).")
        places = self._web(places)
        environ = {**self._common, **variables.settings_of(places)}
        product, meta = Product(places, environ, api_token=api_token), Meta(places, environ)
        self._worker_and_beat(product, environ)
        meta.echo_to(f"{places.web_url}/webhooks/instagram")
        self._write_down(places, api_token)
        say(f"Web, worker, beat and Meta's stand-in run. Ready after {self._so_far()}.")
        say(f"Logs: {self.folder}")
        return Home(
            folder=self.folder,
            began=self.began,
            services=services,
            children=self.children,
            places=places,
            stage=Stage(product, meta, self.children),
            password=password,
            environ=environ,
        )

    def start(self, name: str, arguments: list[str], environ: Mapping[str, str]) -> Child:
        child = Child(name, arguments, folder=self.folder, environ=environ)
        self.children.add(child)
        child.start()
        return child

    def _graph(self) -> int:
        """The port on which the stand-in for Meta listens."""
        port_file = self.folder / "simulator.port"
        graph = ["simulator", "graph", "--port-file", str(port_file), "--account", f"{ACCOUNT}={TOKEN}"]
        self.start("simulator", graph, self._common)
        self._until(port_file.exists, "Meta's stand-in did not start", process="simulator")
        return int(port_file.read_text())

    def _seeded(self, places: Places, password: str) -> str:
        """A token for the API; tables and login are there now."""
        environ = {**self._common, **variables.settings_of(places)}
        return processes.run(["webhooks_project.demo.seed"], environ, text_in=f"{password}\n").strip()

    def _web(self, places: Places) -> Places:
        """The places with the port on which the web process answers; somebody may take one that was free."""
        for tries_left in reversed(range(PORTS_TRIED)):
            places = replace(places, web_port=free_port())
            environ = {**self._common, **variables.settings_of(places)}
            web, ready = self.start("web", ["webhooks_project", "web"], environ), f"{places.web_url}/readyz"
            try:
                self._until(partial(answers, ready), "The web process did not answer", process="web")
                break
            except NotSeen:
                if web.is_alive or not tries_left:
                    raise
        return places

    def _worker_and_beat(self, product: Product, environ: Mapping[str, str]) -> None:
        since = product.now()
        celery = ["celery", "-A", "webhooks_project"]
        self.start("worker", [*celery, "worker"], environ)
        # Without a schedule file: it would lie in the checkout.
        self.start("beat", [*celery, "beat", "--scheduler", "celery.beat:Scheduler"], environ)
        self._until(lambda: product.has_worker(since=since), "The worker did not start", process="worker")

    def _write_down(self, places: Places, api_token: str) -> None:
        """The file by which a shell joins this run: settings, addresses, API token."""
        lines = variables.as_file(
            {
                **variables.settings_of(places),
                "DEMO_URL": places.web_url,
                "SIMULATOR_URL": places.graph_url,
                "API_TOKEN": api_token,
            }
        )
        private(self.folder / ENV_FILE, lines)

    def _until(self, condition: Callable[[], bool], otherwise: str, *, process: str) -> None:
        def is_so() -> bool:
            self.children.must_live()
            return condition()

        if not local_http.waited_for(is_so, within_s=READY_S, every_s=0.05):
            raise NotSeen(f"{otherwise} within {READY_S:g} s.", process=process)

    def _so_far(self) -> str:
        return duration(time.monotonic() - self.began)


def answers(url: str) -> bool:
    """Whether a server answers 200 there."""
    try:
        return local_http.ask(url).status == 200
    except OSError:
        return False


def kept_secret(path: Path, *, length: int) -> str:
    """The secret in this file; made at the first start, of `length` random bytes."""
    if not path.exists():
        private(path, secrets.token_urlsafe(length))
    return path.read_text()


def private(path: Path, text: str) -> None:
    """Write a file that we alone may read; it is there whole or not at all."""
    half_made = path.with_name(f"{path.name}.new")
    half_made.unlink(missing_ok=True)
    half_made.touch(mode=0o600)
    half_made.write_text(text)
    half_made.replace(path)

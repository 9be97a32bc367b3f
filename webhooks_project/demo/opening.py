"""The start of the service, step by step, as much at once as can be."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from webhooks_project import embedded
from webhooks_project.demo import local_http, processes, variables
from webhooks_project.demo.errors import NotSeen
from webhooks_project.demo.meta import Meta
from webhooks_project.demo.private_files import kept_secret, write
from webhooks_project.demo.processes import Child, Children
from webhooks_project.demo.product import Product
from webhooks_project.demo.variables import ACCOUNT, OTHERS, TOKEN, Places
from webhooks_project.demo.waiting import waited_for
from webhooks_project.demo.words import duration, say, say_as_it_is
from webhooks_project.embedded.server import free_port

READY_S = 60.0
PORTS_TRIED = 3
ENV_FILE = "demo.env"
CELERY = ("celery", "-A", "webhooks_project")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What is known once all of it runs."""

    places: Places
    environ: Mapping[str, str] = field(repr=False)
    password: str = field(repr=False)
    api_token: str = field(repr=False)


class Opening:
    """Starts all processes; `children` are those that run so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children = Children()
        self._began = time.monotonic()
        self._common = {**variables.without_settings(os.environ), processes.MARK: str(folder)}
        for old in (*folder.glob("*.log"), *folder.glob("*.pid"), *folder.glob("*.port")):
            old.unlink()

    def everything(self, services: embedded.Services) -> Opened:
        """Web and stand-in start beside the migration; a worker cannot be without tables."""
        places = Places(
            database_url=services.database_url,
            redis_url=services.redis_url,
            web_port=free_port(),
            graph_port=self._graph(),
            secret_key=kept_secret(self.folder / "secret_key", length=48),
        )
        self._start("web", ["webhooks_project", "web"], places)
        password = kept_secret(self.folder / "password", length=9)
        api_token = self._seeded(places, password)
        say(f"Tables and login are made ({self._so_far()}).")
        self._worker_and_beat(places)
        places = self._with_web(places)
        environ = self._environ(places)
        Meta(places, environ).echo_to(f"{places.web_url}/webhooks/instagram")
        self._write_down(places, api_token)
        say(f"Web, worker, beat and Meta's stand-in run. Ready after {self._so_far()}.")
        say_as_it_is(f"     Logs: {self.folder}/*.log")
        return Opened(places=places, environ=environ, password=password, api_token=api_token)

    def _environ(self, places: Places) -> dict[str, str]:
        return {**self._common, **variables.settings_of(places)}

    def _start(self, name: str, arguments: list[str], places: Places | None) -> Child:
        environ = self._environ(places) if places else self._common
        child = Child(name, arguments, folder=self.folder, environ=environ)
        self.children.add(child)
        child.start()
        return child

    def _graph(self) -> int:
        """The port on which the stand-in for Meta listens."""
        port_file = self.folder / "simulator.port"
        graph = ["simulator", "graph", "--port-file", str(port_file)]
        graph += [word for account in (ACCOUNT, *OTHERS.values()) for word in ("--account", f"{account}={TOKEN}")]
        simulator = self._start("simulator", graph, None)
        self._until(port_file.exists, simulator, "Meta's stand-in did not start")
        return int(port_file.read_text())

    def _seeded(self, places: Places, password: str) -> str:
        """A token for the API; tables and login are there now."""
        seed = ["webhooks_project.demo.seed"]
        return processes.run(seed, self._environ(places), text_in=f"{password}\n").strip()

    def _worker_and_beat(self, places: Places) -> None:
        product = Product(places, self._environ(places))
        since = product.now()
        worker = self._start("worker", [*CELERY, "worker"], places)
        # Without a schedule file: it would lie in the checkout.
        self._start("beat", [*CELERY, "beat", "--scheduler", "celery.beat:Scheduler"], places)
        self._until(lambda: product.has_worker(since=since), worker, "The worker did not start")

    def _with_web(self, places: Places) -> Places:
        """The places with the port on which the web process answers; somebody may have taken the first."""
        for tries_left in reversed(range(PORTS_TRIED)):
            web, ready = self.children["web"], f"{places.web_url}/readyz"
            try:
                self._until(partial(answers, ready), web, "The web process did not answer")
                break
            except NotSeen:
                if web.is_alive or not tries_left:
                    raise
            places = replace(places, web_port=free_port())
            self._start("web", ["webhooks_project", "web"], places)
        return places

    def _write_down(self, places: Places, api_token: str) -> None:
        """The file by which a shell joins this run: settings, addresses, API token."""
        known = {"DEMO_URL": places.web_url, "SIMULATOR_URL": places.graph_url, "API_TOKEN": api_token}
        write(self.folder / ENV_FILE, variables.as_file({**variables.settings_of(places), **known}))

    def _until(self, condition: Callable[[], bool], child: Child, otherwise: str) -> None:
        """Waits for what the child does when it is ready."""

        def is_so() -> bool:
            child.must_live()
            return condition()

        if not waited_for(is_so, within_s=READY_S, every_s=0.05):
            raise NotSeen(f"{otherwise} within {READY_S:g} s.", process=child.name)

    def _so_far(self) -> str:
        return duration(time.monotonic() - self._began)


def answers(url: str) -> bool:
    """Whether a server answers 200 there."""
    try:
        return local_http.ask(url).status == 200
    except OSError:
        return False

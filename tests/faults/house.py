"""One whole installation, with everything between its parts that faults can be put into."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import redis
import requests
from psycopg.rows import dict_row

from tests.faults import launch
from tests.faults.flaws import FLAWS
from tests.faults.proxy import HOST, ProxyControl
from tests.faults.supervisor import FELT_S, Supervised
from tests.faults.times import SCALED, seconds
from tests.processes.process import CHECKOUT, Process, until
from tests.processes.product import QUEUE, SECRET, without_settings
from webhooks_project import embedded
from webhooks_project.embedded.server import free_port

ACCOUNTS = {f"1784140000000010{number}": f"IGTEST-of-account-{number}" for number in range(1, 6)}
# Of the settle time: how long Meta's listing lags behind while nobody makes it worse, and at its worst.
QUIET_LAG, WORST_LAG = 0.4, 0.8
ECHO_DELAY_S = 0.2
READY_S = 60.0


def end_in_order_when_told():
    """By SIGTERM too, and where a shell's background job ignores Ctrl-C: a house that is left behind runs on."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


class House:
    """Two web processes, a worker with threads and one with processes, beat, servers, proxies and Meta's stand-in.

    folder: logs and journals go there. times: settings by name. flaws: names of what is patched into the product.
    lag: of the settle time, how long the listing lags at its worst; beyond 1 the product's assumption is broken.
    """

    queue, secret, accounts = QUEUE, SECRET, ACCOUNTS

    def __init__(self, folder, seed, *, times=SCALED, flaws=(), lag=WORST_LAG):
        self.lag = lag
        self.folder, self.seed, self.times, self.flaws = Path(folder), seed, dict(times), tuple(flaws)
        self.armed, self.litter = self.folder / "armed", self.folder / "litter"
        self.processes = {}
        self._calls = self.folder / "calls.jsonl"

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for folder in (self.armed, self.litter):
                folder.mkdir(parents=True, exist_ok=True)
            self._start_servers(stack)
            self._start_between(stack)
            self.manage("manage.py", "migrate", "--verbosity", "0")
            self._let_flaws_in()
            self.put_right(self.accounts)
            self._start_product(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def seconds(self, name):
        """How long the setting `name` is in this house."""
        return seconds(self.times, name)

    # --- starting --------------------------------------------------------------------------------

    def _start_servers(self, stack):
        place = stack.enter_context(embedded.temporary_folder())
        environ = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "EMBEDDED_RUNG": ""}
        services = stack.enter_context(
            embedded.services(place, durable=False, announce=lambda _: None, environ=environ)
        )
        self.postgres, self.redis = services.postgres, services.redis
        self.database_url, self.redis_url = services.database_url, services.redis_url

    def _start_between(self, stack):
        ports = {name: free_port() for name in ("postgres", "redis", "graph", "web", "control", "meta")}
        self.web_ports = {"web-1": free_port(), "web-2": free_port()}
        self.graph_url = f"http://{HOST}:{ports['meta']}"
        self.web_url = f"http://{HOST}:{ports['web']}"
        behind = {
            "postgres": [self.postgres.port],
            "redis": [self.redis.port],
            "graph": [ports["meta"]],
            "web": list(self.web_ports.values()),
        }
        listeners = {name: {"port": ports[name], "upstreams": upstreams} for name, upstreams in behind.items()}
        self._beside(stack, "proxy", {"control": ports["control"], "listeners": listeners})
        meta = {"port": ports["meta"], "accounts": self.accounts, "calls": str(self._calls)}
        self._beside(stack, "meta", meta)
        self.proxies = ProxyControl(ports["control"])
        self.direct = self._environ(self.database_url, self.redis_url, self.graph_url)
        self.environ = self._environ(
            self.database_url.replace(f":{self.postgres.port}/", f":{ports['postgres']}/"),
            self.redis_url.replace(f":{self.redis.port}/", f":{ports['redis']}/"),
            f"http://{HOST}:{ports['graph']}",
        ) | launch.environment(self.armed, with_flaws=self.flaws, scaled=bool(self.times))
        until(lambda: self._answers(lambda: self.proxies.set("web", "pass")), "the proxy listens")
        until(lambda: self._answers(self.calm_graph), "Meta's stand-in listens")

    def _environ(self, database_url, redis_url, graph_url):
        return without_settings() | {
            "DJANGO_SETTINGS_MODULE": "webhooks_project.settings",
            "DJANGO_DEBUG": "true",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "GRAPH_API_URL": graph_url,
            "REPLY_POLICY": "tests.faults.policies.repeat",
            "LOG_FORMAT": "json",
            "TMPDIR": str(self.litter),  # Celery leaves what it could not give back to its broker there
            "LOG_LEVEL": "WARNING",
            **self.times,
        }

    def _beside(self, stack, name, wanted):
        process = Process(name, ["-m", f"tests.faults.{name}", json.dumps(wanted)],
                          folder=self.folder, environ=without_settings())  # fmt: skip
        stack.callback(process.kill)

    def _let_flaws_in(self):
        """Takes from the database what would refuse a flaw by itself."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            for statement in (sql for name in self.flaws for sql in FLAWS[name].sql):
                connection.execute(statement)

    def _start_product(self, stack):
        celery = ("celery", "-A", "webhooks_project")
        for name, port in self.web_ports.items():
            self._keep(stack, name, "webhooks_project", "web", PORT=str(port))
        self._keep(stack, "worker-1", *celery, "worker", WORKER_POOL="threads", WORKER_CONCURRENCY="4")
        self._keep(stack, "worker-2", *celery, "worker", WORKER_POOL="prefork", WORKER_CONCURRENCY="3")
        self._keep(stack, "beat", *celery, "beat", "--scheduler", "celery.beat:Scheduler")
        until(self.is_ready, "the product is ready", within_s=READY_S)

    def _keep(self, stack, name, *words, **settings):
        process = Supervised(name, ["-m", *words], folder=self.folder,
                             environ=self.environ | settings, is_told=self._is_told)  # fmt: skip
        self.processes[name] = process
        stack.callback(process.stop)
        process.start()

    def is_ready(self):
        """Whether both web processes answer and a worker of each pool shows its pulse."""
        for process in self.processes.values():
            assert not process.unbidden(), f"{process.name} ended:\n{process.unbidden()[0].last_words}"
        pulses = self.rows(
            "SELECT DISTINCT pool FROM instagram_webhooks_worker WHERE stopped_at IS NULL"
            " AND pulse_at > clock_timestamp() - make_interval(secs => %s)",
            self.seconds("WORKER_SILENT_S"),
        )
        return len(pulses) == 2 and all(map(self._serves, self.web_ports.values()))

    def _serves(self, port):
        try:
            return requests.get(f"http://{HOST}:{port}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def _answers(self, ask):
        try:
            ask()
        except (OSError, requests.RequestException):
            return False
        return True

    def _is_told(self, pid):
        """Whether a crash point ended this process, or just killed one that may have been its child."""
        hits = {path: path.read_text().strip() for path in self.armed.glob("*.hit.*")}
        recent = time.time() - FELT_S
        return any(
            (not what.startswith("sleep") and path.name.endswith(f".hit.{pid}"))
            or (what == "kill" and path.stat().st_ctime > recent)  # the time of its renaming
            for path, what in hits.items()
        )

    # --- the product -----------------------------------------------------------------------------

    def manage(self, *words, text_in=""):
        """What a command of this installation prints; it goes past the proxies."""
        done = subprocess.run([sys.executable, *words], input=text_in, text=True, cwd=CHECKOUT, env=self.direct,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90, check=False)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def put_right(self, tokens):
        """Gives accounts their tokens and sets free what is parked for them."""
        self.manage("-m", "tests.faults.accounts", text_in=json.dumps(tokens))

    def rows(self, sql, *values):
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=5, row_factory=dict_row) as connection:
            return connection.execute(sql, values or None).fetchall()

    def broker(self):
        return redis.Redis.from_url(self.redis_url, socket_timeout=5)

    # --- Meta ------------------------------------------------------------------------------------

    def graph_settings(self, **changes):
        self._tell("settings", changes)

    def graph_script(self, *steps, recipient="*", edge="messages"):
        """What the next calls get; without steps nothing is told any more."""
        self._tell("script", {"recipient": recipient, "steps": list(steps), "edge": edge})

    def graph_calls(self):
        """Every call that Meta's stand-in got, oldest first."""
        with self._calls.open() as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def echoes_waiting(self):
        """Of messages that Meta took, whose echo is not answered yet."""
        told = requests.get(f"{self.graph_url}/_simulator/summary", timeout=5)
        told.raise_for_status()
        return told.json()["echoes"]["waiting"]

    def calm_graph(self):
        """Everything of Meta's stand-in as it is without a fault."""
        self.graph_script()
        self.graph_script(edge="conversations")
        lag_s = QUIET_LAG * self.seconds("REPLY_SETTLE_S")
        self.graph_settings(lag_s=lag_s, accounts=self.accounts, check_tokens=True, echo=self.echo(ECHO_DELAY_S))

    def echo(self, delay_s):
        """The setting that has Meta tell the product of its own messages."""
        url = f"{self.web_url}/webhooks/instagram"
        return {"url": url, "secret": self.secret, "delay_s": delay_s, "provider": "instagram"}

    def _tell(self, what, body):
        requests.post(f"{self.graph_url}/_simulator/{what}", json=body, timeout=5).raise_for_status()

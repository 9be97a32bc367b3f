"""The whole product: its processes over a database and a broker, with Meta's stand-in in the test's own process."""

import contextlib
import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import redis
import requests
from psycopg.rows import dict_row

from simulator import bodies
from simulator.client import Sender
from simulator.graph import GraphSimulator
from simulator.meta_wire import headers as meta_headers
from simulator.meta_wire import wire
from tests.processes.process import CHECKOUT, PATIENCE_S, Process, until
from webhooks_project import embedded, environment
from webhooks_project.embedded.server import free_port

ACCOUNT = "17841400000000042"
TOKEN = "IGTEST-a-token"
SECRET = VERIFY_TOKEN = "development-only"  # what DJANGO_DEBUG=true supplies
QUEUE = "webhook-processing"
SHORT_TIMES = {
    "WEBHOOK_RETRY_DELAYS_S": "1,2,3",
    "REPLY_SETTLE_S": "1",
    "WEBHOOK_LEASE_S": "10",
    "WEBHOOK_SWEEP_INTERVAL_S": "0.5",
    "WEBHOOK_DISPATCH_GATE_S": "1",
    "GRAPH_DEADLINE_S": "3",
    "REPLY_POLICY_BUDGET_S": "2",
}


def without_settings():
    """The environment of this process without a setting of the product in it."""
    ours = {setting.name for setting in environment.SETTINGS}
    return {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in ours}


def a_sender():
    """Meta's id of a customer who was never heard of."""
    return str(uuid.uuid4().int % 10**15 + 6 * 10**15)


def a_message(text="hello", *, sender=None, mid=None, **more):
    return bodies.message_body(
        text, sender=sender or a_sender(), account=ACCOUNT, mid=mid or f"m-{uuid.uuid4()}", **more
    )


class Product:
    """Handles of one installation. `postgres` is None where the database is a clone on the tests' own server."""

    def __init__(self, *, folder, services, database_url, graph, settings):
        self.folder, self.graph = folder, graph
        self.postgres, self.redis = services.postgres, services.redis
        self.database_url, self.redis_url = database_url, services.redis_url
        self.started = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = without_settings() | {
            "DJANGO_SETTINGS_MODULE": "webhooks_project.settings",
            "DJANGO_DEBUG": "true",
            "DATABASE_URL": database_url,
            "REDIS_URL": services.redis_url,
            "PORT": str(self.port),
            "GRAPH_API_URL": graph.url,
            "INSTAGRAM_ACCOUNT_ID": ACCOUNT,
            "INSTAGRAM_ACCESS_TOKEN": TOKEN,
            "REPLY_POLICY": "tests.processes.policies.repeat",
            "LOG_FORMAT": "json",
            **SHORT_TIMES,
            **settings,
        }

    # --- processes -------------------------------------------------------------------------------

    def start(self, name, *words, **settings):
        """A process that runs, ready or not."""
        process = Process(
            f"{name}-{len(self.started)}", ["-m", *words], folder=self.folder, environ=self.environ | settings
        )
        self.started.append(process)
        return process

    def web(self, **settings):
        """The web process, answering."""
        web = self.start("web", "webhooks_project", "web", **settings)
        self._ready(web, lambda: self._status("/healthz") == 200)
        return web

    def starting_worker(self, *flags, **settings):
        """A worker that was only started."""
        return self.start("worker", "celery", "-A", "webhooks_project", "worker", *flags, **settings)

    def worker(self, *flags, **settings):
        """A worker that shows its pulse and listens to the broker; its account is connected."""
        before = self.value("SELECT clock_timestamp()")
        worker = self.starting_worker(*flags, **settings)
        pulse = "SELECT count(*) FROM instagram_webhooks_worker WHERE started_at > %s"
        self._ready(worker, lambda: self.value(pulse, before) and " ready." in worker.text())
        self._ready(worker, lambda: self.value("SELECT count(*) FROM instagram_webhooks_account"))
        return worker

    def run(self, *words, text_in="", check=True):
        """What a command of this installation prints, both streams together."""
        done = subprocess.run([sys.executable, *words], input=text_in, text=True, cwd=CHECKOUT, env=self.environ,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=90, check=False)  # fmt: skip
        assert done.returncode == 0 or not check, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def trace(self, key):
        """The events that `trace` finds."""
        return json.loads(self.run("manage.py", "trace", key, "--json"))["events"]

    def celery(self, *words):
        return self.run("-m", "celery", "-A", "webhooks_project", *words)

    def stop(self):
        for process in self.started:
            process.kill()

    def last_words(self):
        """(title, text) of each process, for a report of a failure."""
        return [(f"end of {process.log.name}", process.last_words()) for process in self.started]

    def _ready(self, process, condition):
        def is_so():
            assert process.is_alive, f"{process.name} ended:\n{process.last_words()}"
            return condition()

        until(is_so, f"{process.name} is ready", within_s=60)

    def _status(self, path):
        try:
            return requests.get(f"{self.url}{path}", timeout=5).status_code
        except requests.RequestException:
            return None

    # --- Meta ------------------------------------------------------------------------------------

    def sender(self, provider="instagram", *, secret=SECRET, timeout_s=20.0):
        return Sender(f"{self.url}/webhooks/{provider}", secret, timeout_s=timeout_s)

    def post(self, body, *, provider="instagram", **headers):
        """The answer to a signed POST."""
        raw = wire(body)
        with self.sender(provider) as sender:
            return sender.post_raw(raw, meta_headers(raw, SECRET) | headers)

    def post_all(self, whole, *, at_once=8):
        """The statuses of many POSTs, some at the same time."""
        with ThreadPoolExecutor(at_once) as pool:
            return [answer.status for answer in pool.map(self.post, whole)]

    # --- what is known ---------------------------------------------------------------------------

    def rows(self, sql, *values):
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=5, row_factory=dict_row) as connection:
            return connection.execute(sql, values).fetchall()

    def value(self, sql, *values):
        (row,) = self.rows(sql, *values)
        return next(iter(row.values()))

    def execute(self, sql, *values):
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql, values)

    def states(self):
        """How many events stand in each state."""
        rows = self.rows("SELECT state, count(*) FROM instagram_webhooks_webhookevent GROUP BY state")
        return {row["state"]: row["count"] for row in rows}

    def event(self, answer):
        """The first event of the POST that was answered so; None where it left no row."""
        request = answer.headers["x-correlation-id"]
        found = self.rows("SELECT * FROM instagram_webhooks_webhookevent WHERE correlation_id = %s", f"{request}.1")
        return found[0] if found else None

    def state(self, answer):
        event = self.event(answer)
        return event and event["state"]

    def all_ended(self, *, within_s=PATIENCE_S):
        """Waits until no event is open; the states then."""
        until(
            lambda: not set(self.states()) & {"received", "processing", "retrying"},
            "no event is open",
            within_s=within_s,
        )
        return self.states()

    def broker(self):
        return redis.Redis.from_url(self.redis_url, socket_timeout=5)

    def queued(self):
        with self.broker() as broker:
            return broker.llen(QUEUE)


@contextlib.contextmanager
def installed(folder, *, database_url="", settings=None, durable=False):
    """A product with a broker of its own, and where no URL is given with a database server of its own.

    Nothing of it runs yet but the servers and Meta's stand-in, to which `settings` may name accounts.
    """
    settings = dict(settings or {})
    accounts = settings.pop("accounts", {ACCOUNT: TOKEN})
    environ = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": "", "EMBEDDED_RUNG": ""}
    with (
        embedded.temporary_folder() as place,
        embedded.services(place, durable=durable, announce=lambda _: None, environ=environ) as services,
        GraphSimulator(accounts=accounts) as graph,
    ):
        product = Product(
            folder=folder,
            services=services,
            database_url=services.database_url,
            graph=graph,
            settings=settings,
        )
        try:
            if services.postgres is not None:
                product.run("manage.py", "migrate", "--verbosity", "0")
            yield product
        finally:
            product.stop()

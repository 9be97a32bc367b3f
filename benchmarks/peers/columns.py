"""The columns E, F and T: one database, one Redis database, and how each is started."""

import base64
import hashlib
import hmac
import os
import secrets
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import requests

from benchmarks.column import Column
from benchmarks.installation import Place
from benchmarks.peers import environments
from tests.processes.process import Process, until
from tests.processes.product import SECRET
from webhooks_project.embedded import processes
from webhooks_project.embedded.server import free_port

SCHEMA = Path(__file__).parent / "schema.sql"
KEPT = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR")
REDIS_DATABASE = 1  # the product's own is 0


class Peer(Column):
    """A program over `schema.sql` whose last step of an event is a row of `audit_log`."""

    DONE = "SELECT (SELECT count(*) FROM audit_log) >= (SELECT count(*) FROM webhook_idempotency)"
    COUNTS = """
        SELECT count(*), count(*) FILTER (WHERE status = 'processed'), (SELECT count(*) FROM audit_log)
          FROM webhook_idempotency"""
    home: Path

    def __init__(self, place: Place, *, slots: int = 1) -> None:
        super().__init__(place, slots=slots)
        self.port, self._role, self._password = free_port(), f"peer_{self.name.lower()}", secrets.token_urlsafe(12)
        server = urlsplit(place.product.database_url)
        self.database_url = f"postgresql://{self._role}:{self._password}@{server.hostname}:{server.port}/{self._role}"

    def set_up(self) -> None:
        """A role and its database, with the tables of all peers."""
        with self.server() as server:
            server.execute(f"CREATE ROLE {self._role} LOGIN PASSWORD '{quickly_checked(self._password)}'")
            server.execute(f"CREATE DATABASE {self._role} OWNER {self._role}")
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(SCHEMA.read_text())

    def environ(self) -> dict[str, str]:
        """What a peer is told, the same for all."""
        return {name: os.environ[name] for name in KEPT if name in os.environ} | {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"{self.place.product.redis_url.rpartition('/')[0]}/{REDIS_DATABASE}",
            "GRAPH_URL": f"{self.place.graph.url}/v1/me/messages",
            "APP_SECRET": SECRET,
            "PORT": str(self.port),
            "SLOTS": str(self.slots),
        }

    def start(self, what: str, program: str, *words: str) -> Process:
        """A process that runs, ready or not; it ends with us, however we end."""
        return self.started(
            Process(
                f"{self.name}-{what}",
                words,
                folder=self.place.folder,
                environ=self.environ(),
                program=program,
                home=self.home,
                preexec_fn=processes.dying_with_us(signal.SIGKILL),
            )
        )

    def answering(self, web: Process) -> Process:
        """The web process, once it answers."""

        def is_up() -> bool:
            assert web.is_alive, f"{web.name} ended:\n{web.last_words()}"
            try:
                return requests.get(f"http://127.0.0.1:{self.port}/hello", timeout=5).status_code == 200
            except requests.RequestException:
                return False

        until(is_up, f"{web.name} answers", within_s=60)
        return web


class Express(Peer):
    """E: Express, BullMQ and pg."""

    name = "E"
    home = environments.EXPRESS
    server_name = "express"

    def environ(self) -> dict[str, str]:
        """Also where its packages are and which server it is."""
        found = {"NODE_PATH": str(environments.node_modules()), "SERVER": self.server_name}
        return super().environ() | found

    def web(self) -> Process:
        """One process."""
        return self.answering(self.start("web", "node", "server.js"))

    def worker(self) -> Process:
        """One process, its jobs interleaved."""
        return self.start("worker", "node", "worker.js")


class Fastify(Express):
    """F: the same on Fastify, the events of a POST taken together; its worker is E's."""

    name = "F"
    server_name = "fastify"


class Tutorial(Peer):
    """T: Django, DRF and Celery as tutorials put them together."""

    name = "T"
    is_slow = True
    home = environments.TUTORIAL

    def set_up(self) -> None:
        """Also the tables of Django's own apps and of Celery's results."""
        super().set_up()
        command = [str(environments.python()), "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=self.home, env=self.environ(), timeout=120, check=True)

    def environ(self) -> dict[str, str]:
        """Leaves no bytecode in the repository."""
        return super().environ() | {"PYTHONPYCACHEPREFIX": str(environments.python().parents[1] / "bytecode")}

    def web(self) -> Process:
        """gunicorn with three synchronous processes."""
        words = ["--bind", f"127.0.0.1:{self.port}", "--log-level", "warning", "--workers", "3", "tutorial.wsgi"]
        return self.answering(self.start("web", str(environments.python()), "-m", "gunicorn", *words))

    def worker(self) -> Process:
        """Celery's prefork with a process a slot."""
        words = ["-A", "tutorial", "worker", "--loglevel", "INFO", "--concurrency", str(self.slots)]
        return self.start("worker", str(environments.python()), "-m", "celery", *words)


def quickly_checked(password: str) -> str:
    """The password's SCRAM-SHA-256 secret with one round of hashing where PostgreSQL would take 4096.

    T connects with each request; what a server costs that trusts its network is what it is to be measured with.
    """
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client, server = (hmac.digest(salted, words, "sha256") for words in (b"Client Key", b"Server Key"))
    salt_64, stored_64, server_64 = (
        base64.b64encode(each).decode() for each in (salt, hashlib.sha256(client).digest(), server)
    )
    return f"SCRAM-SHA-256$1:{salt_64}${stored_64}:{server_64}"

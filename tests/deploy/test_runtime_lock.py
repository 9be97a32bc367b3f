"""The runtime lock alone is enough: an environment made of it runs what the compose file runs."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from instagram_webhooks.providers import samples
from tests.deploy import shipped
from webhooks_project import embedded
from webhooks_project.embedded.server import free_port

CHECKOUT = shipped.CHECKOUT
INSTALL_S, PATIENCE_S = 240, 90  # generous: the machine may be busy
SECRET, TOKEN = "an-app-secret", "an-access-token"


@pytest.fixture
def python(tmp_path) -> Path:
    """The interpreter of a new environment that holds what the Dockerfile installs, and not even pip."""
    environment = tmp_path / "runtime only"
    base = sys._base_executable or sys.executable
    subprocess.run([base, "-m", "venv", "--without-pip", environment], check=True)
    made = environment / "bin" / "python"
    # An environment that was made on Debian has no pip of its own.
    pip = next([one, "-m", "pip"] for one in (sys.executable, base) if _runs(one, "-m", "pip", "--version"))
    options = ["--quiet", "--no-compile", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run(
        [*pip, "--python", made, "install", *options, "-r", "requirements/runtime.txt"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=INSTALL_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return made


def _runs(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.fixture
def services():
    """Servers of this test's own: its worker must not take what other tests put into a queue."""
    alone = {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}
    with (
        embedded.temporary_folder() as folder,
        embedded.services(folder, durable=False, environ=alone, announce=lambda line: None) as services,
    ):
        yield services


def _settings(services: embedded.Services, *, account: str, graph: str) -> dict[str, str]:
    """Production settings, and nothing of this process's own but where programs are found."""
    key = base64.b64encode(os.urandom(32)).decode()
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        **services.environment,
        "DJANGO_SECRET_KEY": "only-for-this-test-" * 4,
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "ENCRYPTION_KEYS": f"k1:{key}",
        "LOOKUP_KEY": key,
        "INSTAGRAM_APP_SECRETS": SECRET,
        "INSTAGRAM_VERIFY_TOKEN": "a-word",
        "INSTAGRAM_ACCOUNT_ID": account,
        "INSTAGRAM_ACCESS_TOKEN": TOKEN,
        "GRAPH_API_URL": graph,
        "PORT": str(free_port()),
    }


class Running:
    """Processes of the service, with their words in files."""

    def __init__(self, python: Path, folder: Path, settings: dict[str, str]) -> None:
        self.python, self.folder, self.settings = python, folder, settings
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def words(self, name: str) -> list[str]:
        """The command of a service in the compose file, in this environment."""
        command = shipped.service(name)["command"]
        return [str(self.python.with_name(command[0])), *command[1:]]

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=CHECKOUT, env=self.settings, capture_output=True, text=True, check=False, timeout=120
        )

    @contextmanager
    def started(self, name: str):
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self.words(name), cwd=CHECKOUT, env=self.settings, stdout=log, stderr=subprocess.STDOUT
            )
        self.processes[name] = process
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def wait_for(self, condition, what: str):
        """What the condition gives once it is true; fails at once where a process has ended."""
        until = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            ended = [name for name, process in self.processes.items() if process.poll() is not None]
            if ended or time.monotonic() > until:
                last = "\n".join(f"{name}:\n{self.said(name)[-1500:]}" for name in ended or self.processes)
                pytest.fail(f"{what}: not within {PATIENCE_S} s; ended: {ended}\n{last}")
            time.sleep(0.3)
        return found

    def is_well(self, name: str) -> bool:
        """As its container's health check asks."""
        return self.run(self.python, "-m", "deploy.health", name).returncode == 0

    def stop(self, name: str) -> int:
        """The exit code after SIGTERM, within what the compose file gives it."""
        self.processes[name].send_signal(signal.SIGTERM)
        return self.processes.pop(name).wait(shipped.seconds(shipped.service(name)["stop_grace_period"]))


@contextmanager
def _simulator(account: str, folder: Path):
    """The address of Meta's stand-in: a process on the environment of the tests, for it is not shipped."""
    port_file = folder / "graph.port"
    words = ["graph", "--account", f"{account}={TOKEN}", "--port-file", str(port_file)]
    with subprocess.Popen([sys.executable, "-m", "simulator", *words], cwd=CHECKOUT, stdout=subprocess.DEVNULL) as it:
        try:
            until = time.monotonic() + PATIENCE_S
            while not port_file.exists():
                assert it.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
            yield f"http://127.0.0.1:{int(port_file.read_text())}"
        finally:
            it.terminate()


def _post(port: str, body: bytes) -> tuple[int, str]:
    """Status and correlation id of one signed webhook."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    try:
        connection.request("POST", "/webhooks/instagram", body, {"X-Hub-Signature-256": f"sha256={signature}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["X-Correlation-ID"]
    finally:
        connection.close()


@pytest.mark.timeout(INSTALL_S + 4 * PATIENCE_S)
def test_web_worker_and_beat_run_on_the_runtime_lock_alone_and_answer_a_message(python, services, tmp_path):
    body = samples.with_times_now(samples.load("instagram/message__text"), datetime.now(UTC), fresh=True)
    account = json.loads(body)["entry"][0]["id"]

    with ExitStack() as stack:
        graph = stack.enter_context(_simulator(account, tmp_path))
        service = Running(python, tmp_path, _settings(services, account=account, graph=graph))
        migrated = service.run(*service.words("migrate"))
        assert migrated.returncode == 0, migrated.stderr[-2000:]
        assert not service.is_well("web")
        assert not service.is_well("worker")
        for name in shipped.PROCESSES:
            stack.enter_context(service.started(name))
        service.wait_for(lambda: service.is_well("web"), "web answers")
        service.wait_for(lambda: service.is_well("worker"), "the worker stamps its row")
        service.wait_for(lambda: "beat: Starting" in service.said("beat"), "beat starts")

        status, correlation_id = _post(service.settings["PORT"], body)
        database = stack.enter_context(psycopg.connect(services.database_url, autocommit=True))
        state = "SELECT state FROM instagram_webhooks_webhookevent"
        service.wait_for(lambda: database.execute(state).fetchall() == [("processed",)], "the event is processed")
        traced = service.run(python, "manage.py", "trace", correlation_id, "--json")
        codes = {name: service.stop(name) for name in shipped.PROCESSES}

    assert status == 200
    assert [event["reply"]["state"] for event in json.loads(traced.stdout)["events"]] == ["sent"]
    assert codes == {"web": 0, "worker": 0, "beat": 0}

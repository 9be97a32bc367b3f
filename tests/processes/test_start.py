"""The start: nothing begins with secrets missing, and production settings pass Django's own review."""

import base64
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.process import CHECKOUT
from tests.processes.product import without_settings

KEY = base64.b64encode(os.urandom(32)).decode()
PRODUCTION = {
    "DJANGO_SECRET_KEY": base64.b64encode(os.urandom(60)).decode(),
    "DJANGO_ALLOWED_HOSTS": "hooks.example.org",
    "DATABASE_URL": "postgresql://127.0.0.1:1/nobody",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ENCRYPTION_KEYS": f"k1:{KEY}",
    "LOOKUP_KEY": KEY,
    "INSTAGRAM_APP_SECRETS": "one",
    "INSTAGRAM_VERIFY_TOKEN": "word",
    "PROXY_SSL_HEADER": "X-Forwarded-Proto",
}
SECRETS = (
    "DJANGO_SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "ENCRYPTION_KEYS",
    "LOOKUP_KEY",
    "INSTAGRAM_APP_SECRETS",
)
STARTS = {
    "web": ["-m", "webhooks_project", "web"],
    "worker": ["-m", "celery", "-A", "webhooks_project", "worker"],
    "beat": ["-m", "celery", "-A", "webhooks_project", "beat"],
    "manage.py": ["manage.py", "check"],
}


def run(words, **settings):
    environ = without_settings() | {"DJANGO_SETTINGS_MODULE": "webhooks_project.settings"} | settings
    return subprocess.run(
        [sys.executable, *words],
        text=True,
        cwd=CHECKOUT,
        env=environ,
        timeout=60,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )


@pytest.fixture(scope="module")
def refusals():
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(STARTS, pool.map(run, STARTS.values()), strict=True))


@pytest.mark.parametrize("name", STARTS)
def test_without_its_secrets_nothing_starts_and_one_message_names_all_of_them(refusals, name):
    refused = refusals[name]

    assert refused.returncode not in (0, None)
    _, message = refused.stdout.split("must be mended before the start:\n")  # once, and nothing after it
    assert all(line.startswith("  - ") for line in message.splitlines())
    assert [secret for secret in SECRETS if secret not in message] == []


def test_production_settings_pass_the_deployment_review():
    review = run(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], **PRODUCTION)

    assert review.returncode == 0, review.stdout
    assert "no issues" in review.stdout


@pytest.mark.parametrize(
    ("pool", "policy", "said"),
    [
        ("threads", "shop.nowhere.answer", "The reply policy shop.nowhere.answer cannot be imported"),
        ("prefork", "os.path", "The reply policy os.path cannot be called"),
    ],
)
def test_a_worker_whose_policy_cannot_be_asked_does_not_start(pool, policy, said):
    refused = run(STARTS["worker"], **PRODUCTION, REPLY_POLICY=policy, WORKER_POOL=pool)

    assert refused.returncode == 1
    assert refused.stdout.splitlines()[-1].startswith(said)
    assert "Traceback" not in refused.stdout


def test_a_web_process_does_not_start_beside_another_one():
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        refused = run(STARTS["web"], **PRODUCTION, PORT=str(port))

    said = f"127.0.0.1:{port} is in use by another process: end it, or set PORT to a free one.\n"
    assert (refused.returncode, refused.stdout) == (1, said)


def test_the_first_step_of_a_deployment_says_in_a_sentence_that_the_database_does_not_answer():
    done = run(["manage.py", "migrate"], **PRODUCTION)

    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert "check DATABASE_URL" in done.stdout
    assert "Connection refused" in done.stdout

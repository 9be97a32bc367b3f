from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import types

import pytest

from tests.embedded.conftest import CHECKOUT, NO_URLS
from webhooks_project.embedded import __main__ as command
from webhooks_project.embedded import processes

COMMAND = [sys.executable, "-m", "webhooks_project.embedded", "--fast", "--"]
SHOWS_URLS = 'echo "$DATABASE_URL $REDIS_URL"; exit 7'
WAITS = 'trap "echo told; exit 5" TERM; echo up; while read line; do :; done; exit 9'


def test_command_gets_both_urls_and_its_exit_code_is_the_answer():
    done = subprocess.run(
        [*COMMAND, "sh", "-c", SHOWS_URLS],
        cwd=CHECKOUT,
        env=NO_URLS,
        capture_output=True,
        text=True,
        check=False,
    )

    database_url, redis_url = done.stdout.split()
    assert database_url.startswith("postgresql://")
    assert redis_url.startswith("redis://")
    assert done.returncode == 7


def test_a_file_with_another_url_is_not_passed_on(tmp_path):
    secret = tmp_path / "redis_url"
    secret.write_text("redis://127.0.0.1:1/0\n")

    done = subprocess.run(
        [*COMMAND, "sh", "-c", 'echo "$REDIS_URL_FILE" "$REDIS_URL"'],
        cwd=CHECKOUT,
        env=NO_URLS | {"REDIS_URL_FILE": str(secret)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == ["redis://127.0.0.1:1/0"]  # one of the two: both would be a fault


def test_signal_is_passed_on_and_nothing_is_left():
    with subprocess.Popen(
        [*COMMAND, "sh", "-c", WAITS],
        cwd=CHECKOUT,
        env=NO_URLS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        family = processes.tree(process.pid)

        process.send_signal(signal.SIGTERM)
        process.stdin.write("\n")  # a shell runs its trap between two commands
        process.stdin.flush()

        assert process.stdout.read() == "told\n"
        assert process.wait(30) == 5
    assert len(family) > 3
    assert not any(map(processes.lives, family))


def test_a_signal_that_comes_while_the_command_is_being_started_reaches_it(monkeypatch):
    def started(*given, **more):
        process = subprocess.Popen(*given, **more)
        os.kill(os.getpid(), signal.SIGTERM)
        return process

    @contextlib.contextmanager
    def nothing(*_, **__):
        yield types.SimpleNamespace(environment={})

    monkeypatch.setattr(command, "subprocess", types.SimpleNamespace(Popen=started))
    monkeypatch.setattr(command.embedded, "services", nothing)
    before = {number: signal.getsignal(number) for number in command.PASSED_ON}
    try:
        assert command._with_servers(["sleep", "20"], durable=False) == 128 + signal.SIGTERM
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [([], 2, "usage"), (["no-such-command"], 127, "cannot be run")],
    ids=["no command", "unknown command"],
)
def test_wrong_use_is_told(words: list[str], code: int, said: str):
    done = subprocess.run([*COMMAND, *words], cwd=CHECKOUT, env=NO_URLS, capture_output=True, text=True, check=False)

    assert (done.returncode, said in done.stderr) == (code, True)

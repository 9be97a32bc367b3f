"""`manage.py sweep`, as a process of its own with a database of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from django.conf import settings as in_force
from django.db import connection

from instagram_webhooks import providers
from instagram_webhooks.inbox.accept import accept
from instagram_webhooks.inbox.sweep import LOCK
from instagram_webhooks.models import WebhookEvent, Worker
from tests.desk.builders import ACCOUNT


class Service:
    """Commands against this test's database."""

    def __init__(self, url):
        self.env = {
            **os.environ,
            "DATABASE_URL": url,
            "REPLIES": "off",
            "INSTAGRAM_ACCOUNT_ID": ACCOUNT,
            "INSTAGRAM_ACCESS_TOKEN": "invented",
            "WEBHOOK_SWEEP_INTERVAL_S": "0.2",
        }

    @contextmanager
    def started(self, *words):
        command = subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=in_force.BASE_DIR,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield command
        finally:
            command.kill()
            command.communicate()

    def run(self, *words):
        with self.started(*words) as command:
            out, err = command.communicate(timeout=60)
        assert command.returncode == 0, err
        return out


@pytest.fixture
def service(own_database):
    return Service(own_database)


def receive(count, *, told=True):
    """Stores messages of one conversation as the door does; not `told`: the broker lost their wake-ups."""
    sent_at = int(time.time() * 1000)
    for number in range(count):
        message = {
            "sender": {"id": "1000000000000001"},
            "recipient": {"id": ACCOUNT},
            "timestamp": sent_at + number,
            "message": {"mid": f"aWdTEST{number}", "text": "hello"},
        }
        body = {"object": "instagram", "entry": [{"id": ACCOUNT, "time": sent_at, "messaging": [message]}]}
        accept("instagram", providers.split("instagram", json.dumps(body).encode()), f"req-{number}")
    if not told:
        WebhookEvent.objects.update(dispatched_at=None)


def states():
    return list(WebhookEvent.objects.order_by("order_at").values_list("state", flat=True))


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


def execute(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_round_that_processes_leaves_nothing_due(service):
    receive(10)

    out = service.run("sweep", "--once", "--process")

    assert states() == ["processed"] * 10
    assert "worked off here, with what stood behind them: 2." in out  # eight of a lane at a time
    assert Worker.objects.get().stopped_at is not None


def test_a_round_offers_what_nobody_was_told_of_and_processes_nothing(service):
    receive(2, told=False)

    first, second = service.run("sweep", "--once"), service.run("sweep", "--once")

    assert states() == ["received"] * 2
    assert first == (
        "Wake-ups made good: 1. Claims of silent workers freed: 0. "
        "Due events worked off here, with what stood behind them: 0.\n"
    )
    assert "Wake-ups made good: 0." in second


def test_a_round_ends_while_what_is_due_stands_behind_another_worker(service):
    receive(2)
    execute(
        "UPDATE instagram_webhooks_webhookevent SET state = 'processing', worker_id = gen_random_uuid(),"
        " claimable_at = now() + interval '1 hour' WHERE correlation_id = 'req-1.1'"
    )

    service.run("sweep", "--once", "--process")

    assert states() == ["received", "processing"]


def test_a_round_says_when_another_process_is_at_it_and_still_processes(service):
    receive(1)
    execute("SELECT pg_advisory_lock(%s)", LOCK)

    out = service.run("sweep", "--once", "--process")

    assert out.startswith("Another process sweeps at this moment.")
    assert states() == ["processed"]


def test_with_the_broker_away_a_round_works_off_what_is_due(service):
    service.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    receive(1, told=False)

    out = service.run("sweep", "--once")

    assert out.endswith("The broker does not answer.\n")
    assert states() == ["processed"]


NO_DATABASE = "CommandError: The database does not answer: check DATABASE_URL and that PostgreSQL runs.\n"


@pytest.mark.parametrize("account", [ACCOUNT, ""])
def test_with_the_database_away_a_round_is_a_failure(account):
    away = Service("postgresql://127.0.0.1:1/nothing")
    away.env |= {"INSTAGRAM_ACCOUNT_ID": account, "INSTAGRAM_ACCESS_TOKEN": account and "invented"}

    with away.started("sweep", "--once") as command:
        out, err = command.communicate(timeout=60)

    assert (command.returncode, err) == (1, NO_DATABASE)
    assert "Another process" not in out


def test_a_round_under_which_the_database_fails_says_so(service):
    execute("ALTER TABLE instagram_webhooks_worker RENAME COLUMN stopped_at TO gone")
    try:
        with service.started("sweep", "--once") as command:
            out, err = command.communicate(timeout=60)
    finally:
        execute("ALTER TABLE instagram_webhooks_worker RENAME COLUMN gone TO stopped_at")

    assert command.returncode == 1
    assert "run manage.py migrate" in err
    assert "Another process" not in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_works_as_a_live_worker_and_ends_cleanly_when_told(service, number):
    receive(1, told=False)
    with service.started("sweep", "--process") as command:
        wait_for(lambda: states() == ["processed"])
        worker = Worker.objects.get()
        assert (worker.pool, worker.stopped_at) == ("sweep", None)

        command.send_signal(number)
        _, err = command.communicate(timeout=15)

    assert command.returncode == 0, err
    assert "Traceback" not in err
    assert Worker.objects.get().stopped_at is not None

"""`manage.py sweep`, as a process of its own with a database of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from contextlib import closing, contextmanager
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings as in_force
from psycopg import sql

from instagram_webhooks import providers
from instagram_webhooks.inbox import accept
from instagram_webhooks.inbox.sweep import LOCK
from tests.desk.builders import ACCOUNT


def a_body(number, sent_at):
    message = {
        "sender": {"id": "1000000000000001"},
        "recipient": {"id": ACCOUNT},
        "timestamp": sent_at + number,
        "message": {"mid": f"aWdTEST{number}", "text": "hello"},
    }
    return {"object": "instagram", "entry": [{"id": ACCOUNT, "time": sent_at, "messaging": [message]}]}


class Service:
    """Commands against one fresh database, and looks into it."""

    def __init__(self, url):
        self.db = psycopg.connect(url, autocommit=True)
        self.env = {
            **os.environ,
            "DATABASE_URL": url,
            "MIGRATION_DATABASE_URL": "",
            "REDIS_URL": re.sub(r"/\d+$", "", in_force.CELERY_BROKER_URL) + "/9",
            "REPLIES": "off",
            "INSTAGRAM_ACCOUNT_ID": ACCOUNT,
            "INSTAGRAM_ACCESS_TOKEN": "invented",
            "WEBHOOK_SWEEP_INTERVAL_S": "0.2",
        }

    def close(self):
        self.db.close()

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=in_force.BASE_DIR, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *words):
        with self.start(*words) as command:
            out, err = command.communicate(timeout=60)
        assert command.returncode == 0, err
        return out

    def receive(self, count):
        """Stores messages of one conversation as the door does; nobody is woken."""
        for number in range(count):
            body = json.dumps(a_body(number, int(time.time() * 1000))).encode()
            (event,) = providers.split("instagram", body)
            row = accept._row("instagram", event, f"req-{number}.1", 1)
            self.db.execute(accept.INSERT, [*([getattr(row, name)] for name in accept.COLUMNS), 90])

    def rows(self, query, *values):
        return self.db.execute(query, values).fetchall()

    def states(self):
        return [
            row[0] for row in self.rows("SELECT state FROM instagram_webhooks_webhookevent ORDER BY order_at")
        ]


def wait_for(condition, seconds=30):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.05)


def database_url(name):
    facts = in_force.DATABASES["default"]
    return f"postgresql://{facts['USER']}:{quote(facts['PASSWORD'])}@{facts['HOST']}:{facts['PORT']}/{name}"


@contextmanager
def a_database(template="template1"):
    name = f"sweep_{uuid.uuid4().hex}"
    names = [sql.Identifier(each) for each in (name, template)]
    with psycopg.connect(database_url("postgres"), autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        try:
            yield name
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


@pytest.fixture(scope="module")
def migrated():
    with a_database() as name:
        with closing(Service(database_url(name))) as service:
            service.run("migrate", "--verbosity", "0")
        yield name


@pytest.fixture
def service(migrated):
    with a_database(template=migrated) as name, closing(Service(database_url(name))) as started:
        yield started


def test_a_round_that_processes_leaves_nothing_due(service):
    service.receive(10)

    out = service.run("sweep", "--once", "--process")

    assert service.states() == ["processed"] * 10
    assert "worked off here, with what stood behind them: 2." in out  # eight of a lane at a time
    assert service.rows("SELECT count(*) FROM instagram_webhooks_worker WHERE stopped_at IS NOT NULL") == [
        (1,)
    ]


def test_a_round_offers_what_nobody_was_told_of_and_processes_nothing(service):
    service.receive(2)
    service.db.execute("UPDATE instagram_webhooks_webhookevent SET dispatched_at = NULL")

    first, second = service.run("sweep", "--once"), service.run("sweep", "--once")

    assert service.states() == ["received"] * 2
    assert first == (
        "Wake-ups made good: 1. Claims of silent workers freed: 0. "
        "Due events worked off here, with what stood behind them: 0.\n"
    )
    assert "Wake-ups made good: 0." in second


def test_a_round_ends_while_what_is_due_stands_behind_another_worker(service):
    service.receive(2)
    service.db.execute(
        "UPDATE instagram_webhooks_webhookevent SET state = 'processing', worker_id = gen_random_uuid(),"
        " claimable_at = now() + interval '1 hour' WHERE correlation_id = 'req-1.1'"
    )

    service.run("sweep", "--once", "--process")

    assert service.states() == ["received", "processing"]


def test_a_round_says_when_another_process_is_at_it_and_still_processes(service):
    service.receive(1)
    service.db.execute("SELECT pg_advisory_lock(%s)", [LOCK])

    out = service.run("sweep", "--once", "--process")

    assert out.startswith("Another process sweeps at this moment.")
    assert service.states() == ["processed"]


def test_with_the_broker_away_a_round_works_off_what_is_due(service):
    service.env["REDIS_URL"] = "redis://127.0.0.1:1/0"
    service.receive(1)
    service.db.execute("UPDATE instagram_webhooks_webhookevent SET dispatched_at = NULL")

    out = service.run("sweep", "--once")

    assert out.endswith("The broker does not answer.\n")
    assert service.states() == ["processed"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_works_as_a_live_worker_and_ends_cleanly_when_told(service, number):
    service.receive(1)
    service.db.execute("UPDATE instagram_webhooks_webhookevent SET dispatched_at = NULL")
    with service.start("sweep", "--process") as command:
        wait_for(lambda: service.states() == ["processed"])
        workers = service.rows("SELECT pool, now() - pulse_at, stopped_at FROM instagram_webhooks_worker")
        assert [(pool, age.total_seconds() < 10, ended) for pool, age, ended in workers] == [
            ("sweep", True, None)
        ]

        command.send_signal(number)
        _, err = command.communicate(timeout=15)

    assert command.returncode == 0, err
    assert "Traceback" not in err
    assert service.rows("SELECT count(*) FROM instagram_webhooks_worker WHERE stopped_at IS NOT NULL") == [
        (1,)
    ]

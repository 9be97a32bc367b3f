"""Real databases for every test: a transaction that is rolled back, or a clone of a migrated template."""

import contextlib
import os
import threading
import time
import uuid

import psycopg
import pytest
from django.conf import settings

os.environ.setdefault("DJANGO_DEBUG", "true")
if "DATABASE_URL" not in os.environ:
    pytest.exit(
        "No servers: run `make test`, or `.venv/bin/python -m webhooks_project.embedded --fast -- pytest …`",
        2,
    )

# Each process of a parallel run has a Redis database of its own, as it has a PostgreSQL database: for the
# commands that it starts, and for itself, whose settings pytest-django has read before this file.
_place = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{1 + int(_place) % 15}"
settings.CELERY_BROKER_URL = os.environ["REDIS_URL"]
settings.CACHES["default"]["LOCATION"] = os.environ["REDIS_URL"]
settings.API_RATE = settings.API_RATE_UNKNOWN = (10**9, 60)  # all tests come from one address

_FEW = 1000  # rows of one table


@pytest.fixture
def given(monkeypatch):
    """Sets the whole environment."""

    def replace(values):
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return replace


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker, django_db_modify_db_settings):
    """The test database, also where every test clones one of its own; pytest-django looks at its marks only."""
    from django.test.utils import setup_databases, teardown_databases

    with django_db_blocker.unblock():
        before = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(before, verbosity=0)


@pytest.fixture(scope="session")
def template(django_db_setup, django_db_blocker):
    """The name of a migrated, empty database to clone; audit tables refuse the flush that Django would use."""
    from django.db import connection, connections

    with django_db_blocker.unblock():
        source = connection.settings_dict["NAME"]
        connections.close_all()
    with _copy(source, "template") as name:
        yield name


@pytest.fixture(scope="session")
def clone(template):
    """A clone of the template and the tables that are empty in it; to make one for each test took a quarter second."""
    with _copy(template, "own") as name:
        yield name, _empty_tables(name)


def _empty_tables(name):
    with psycopg.connect(_url(name), autocommit=True) as inside:
        tables = [row[0] for row in inside.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'"
                                                   " AND relnamespace = 'public'::regnamespace")]  # fmt: skip
        return [each for each in tables if not inside.execute(f"SELECT EXISTS (SELECT FROM {each})").fetchone()[0]]


@pytest.fixture
def own_database(clone, django_db_blocker):
    """The URL of a database where transactions commit and threads see them, empty; no test changes its tables."""
    name, tables = clone
    with django_db_blocker.unblock(), _connected_to(name):
        yield _url(name)
    _empty(name, tables)


@pytest.fixture
def database_to_migrate(template, django_db_blocker):
    """The URL of such a database whose tables a test may change."""
    with _copy(template, "migrated") as name, django_db_blocker.unblock(), _connected_to(name):
        yield _url(name)


@contextlib.contextmanager
def _copy(source, prefix):
    """The name of a database that begins as `source` is."""
    name = f"{prefix}_{uuid.uuid4().hex[:12]}"
    with _server() as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    yield name
    with _server() as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.contextmanager
def _connected_to(name):
    from django.db import connection, connections

    from instagram_webhooks.inbox.accept import group
    from instagram_webhooks.worker import taking
    from instagram_webhooks.worker.second_look import second_look

    connections.close_all()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    group.restart()  # its writer holds connections to the database before
    taking.line.close()
    yield
    second_look.flush()  # or its thread would connect to the next database
    taking.line.close()
    connections.close_all()
    connection.settings_dict["NAME"] = before


def _empty(name, tables):
    """Ends whatever is still connected, and takes all rows away, also those that triggers guard.

    Few rows are deleted: to truncate every table took 80 ms.
    """
    with psycopg.connect(_url(name)) as inside:
        until = time.monotonic() + 10
        others = ("SELECT application_name, query, pg_terminate_backend(pid) FROM pg_stat_activity"
                  " WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
        while left := inside.execute(others).fetchall():
            assert time.monotonic() < until, f"these sessions do not end: {left}"
            inside.commit()  # the next look sees who has gone
        rows = inside.execute(" UNION ALL ".join(
            f"SELECT '{table}', count(*) FROM (SELECT FROM {table} LIMIT {_FEW + 1}) AS few" for table in tables
        )).fetchall()  # fmt: skip
        filled = [table for table, count in rows if count]
        guarded = inside.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
                                 " WHERE NOT tgisinternal AND tgtype & 32 <> 0").fetchall()  # fmt: skip
        for (table,) in guarded:
            inside.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        if max(count for _, count in rows) > _FEW:
            inside.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        else:
            for table in filled:
                inside.execute(f"DELETE FROM {table}")
            inside.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for (table,) in guarded:
            inside.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _server():
    return psycopg.connect(_url("postgres"), autocommit=True)


def _url(name):
    base, _, _ = os.environ["DATABASE_URL"].partition("?")
    return f"{base.rpartition('/')[0]}/{name}"


@pytest.fixture
def line_plan():
    """How PostgreSQL would do a statement of one of the lines, for any values, planned while nothing was due."""
    from django.db import connection
    from django.utils import timezone

    from instagram_webhooks.models import WebhookEvent
    from tests.builders import a_message, stored

    def plan(line, statement, values):
        stored(*[a_message(f"m-plan-{n}", sender=str(n)) for n in range(150)], correlation_id="request-of-plan")
        ended = WebhookEvent.objects.filter(correlation_id__startswith="request-of-plan")
        ended.update(state="processed", claimable_at=None, finished_at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE instagram_webhooks_webhookevent")
        used = {name: value for name, value in values.items() if f"%({name})s" in statement}
        return "\n".join(row[0] for row in line.run(f"EXPLAIN {statement}", used))

    return plan


@pytest.fixture
def nowhere(monkeypatch):
    """A broker's address where nobody listens."""
    from celery import current_app

    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:1/0")


@pytest.fixture
def refused_thread(monkeypatch):
    """A function that has no room for the thread of this name, once; what it gives is empty then."""

    def arrange(name):
        refusals, start = [RuntimeError("can't start new thread")], threading.Thread.start

        def refused(thread):
            if thread.name == name and refusals:
                raise refusals.pop()
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", refused)
        return refusals

    return arrange

"""A connection of its own for statements that are run again and again."""

import sys
import threading

import psycopg
import pytest
from django.db import DataError, IntegrityError, InternalError, OperationalError

from instagram_webhooks.inbox import line as inbox_line
from instagram_webhooks.inbox.line import Line
from tests.processes.process import until


@pytest.fixture
def line(own_database):
    line = Line()
    yield line
    line.close()


def value(line, statement, **values):
    ((found,),) = line.run(statement, values)
    return found


def test_each_statement_is_a_transaction_by_itself(line, own_database):
    value(line, "INSERT INTO instagram_webhooks_turn VALUES (%(name)s, now()) RETURNING name", name="kept")

    with psycopg.connect(own_database) as other:
        assert other.execute("SELECT name FROM instagram_webhooks_turn").fetchall() == [("kept",)]


def test_a_statement_is_planned_once(line):
    for number in range(3):
        assert value(line, "SELECT %(n)s::int + 1", n=number) == number + 1

    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%% + 1'"
    assert value(line, prepared) == 1


def test_a_name_is_one_parameter_wherever_it_stands(line):
    asked = "SELECT %(b)s::int + 10 * %(a)s::int + 100 * %(b)s::int, '5 %%'"

    assert line.run(asked, {"a": 3, "b": 2, "unused": 1}) == [(232, "5 %")]


def test_a_long_statement_is_not_read_at_each_run(line, monkeypatch):
    asked = f"SELECT %(n)s::int -- {'x' * 5000}"
    value(line, asked, n=1)
    monkeypatch.setattr(inbox_line.re, "sub", None)

    assert value(line, asked, n=2) == 2


@pytest.mark.parametrize("setting", ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"])
def test_no_plan_is_taken_whose_cost_grows_with_the_table(line, setting):
    assert value(line, f"SELECT current_setting('{setting}')") == "off"


def test_its_errors_are_those_of_django(line):
    value(line, "INSERT INTO instagram_webhooks_turn VALUES ('once', now()) RETURNING name")

    with pytest.raises(IntegrityError):
        line.run("INSERT INTO instagram_webhooks_turn VALUES ('once', now()) RETURNING name", {})
    with pytest.raises(DataError):
        line.run("SELECT 1 / %(n)s::int", {"n": 0})
    assert value(line, "SELECT count(*) FROM instagram_webhooks_turn") == 1


def test_a_server_that_became_read_only_is_left(line):
    pid = value(line, "SELECT pg_backend_pid()")
    value(line, "SELECT set_config('default_transaction_read_only', 'on', false)")

    with pytest.raises(InternalError):
        line.run("INSERT INTO instagram_webhooks_turn VALUES ('n', now()) RETURNING name", {})

    assert value(line, "SELECT pg_backend_pid()") != pid


def test_after_a_lost_connection_it_opens_another(line, own_database):
    pid = value(line, "SELECT pg_backend_pid()")
    with psycopg.connect(own_database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(OperationalError):
        line.run("SELECT 1", {})

    assert value(line, "SELECT pg_backend_pid()") != pid


def test_who_waits_for_it_does_not_fail_with_the_one_before(line, own_database):
    pid, found = value(line, "SELECT pg_backend_pid()"), []
    first = threading.Thread(target=lambda: found.append(failure_of(lambda: line.run("SELECT pg_sleep(60)", {}))))
    second = threading.Thread(target=lambda: found.append(value(line, "SELECT 7")))

    with psycopg.connect(own_database, autocommit=True) as other:
        first.start()
        sleeps = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
        until(lambda: other.execute(sleeps, [pid]).rowcount, what="the first is at it")
        second.start()
        until(lambda: is_at(second, "run"), what="the second waits")
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    first.join(10)
    second.join(10)

    assert [type(found[0]), found[1]] == [OperationalError, 7]


def is_at(thread, function):
    """Whether this thread is in a function of that name."""
    return sys._current_frames()[thread.ident].f_code.co_name == function


def failure_of(act):
    try:
        return act()
    except Exception as exc:  # noqa: BLE001 (the test says which)
        return exc

"""Group commit: sharing, neighbours, and giving up in time."""

import sys
import threading
import time

import pytest
from django.db import DataError, InternalError, OperationalError

from instagram_webhooks.errors import StoreUnavailable
from instagram_webhooks.inbox.group import Group, _Batch
from instagram_webhooks.inbox.line import Line
from tests.processes.process import until


def test_what_waits_at_once_is_written_together():
    go_on, calls = threading.Event(), []

    def write(rows, _line):
        calls.append(list(rows))
        if "later" not in rows[0]:
            go_on.wait(5)
        return [row.upper() for row in rows]

    group, results, threads = Group(write), {}, []
    threads.append(submit(group, results, "first"))
    until(lambda: calls, "the first is at it")
    threads += [submit(group, results, f"later-{n}") for n in range(5)]
    until(lambda: len(group._waiting) == 5, "the others wait")
    go_on.set()
    for thread in threads:
        thread.join()

    assert results["later-3"] == ["LATER-3"]
    assert len(calls) == 2


def test_one_bad_batch_fails_no_neighbour():
    def write(rows, _line):
        if "bad" in rows:
            raise DataError
        return list(rows)

    group, results = Group(write), {}
    threads = [submit(group, results, name) for name in ("good-1", "bad", "good-2")]
    for thread in threads:
        thread.join()

    assert results["good-1"] == ["good-1"]
    assert results["good-2"] == ["good-2"]
    assert isinstance(results["bad"], StoreUnavailable)


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InternalError])  # a server that had become read-only
def test_a_connection_that_had_died_is_replaced_once(error):
    calls = []

    def write(rows, _line):
        calls.append(rows)
        if len(calls) == 1:
            raise error
        return list(rows)

    assert Group(write).write(["row"], wait_s=3) == ["row"]


def test_a_write_that_hangs_is_given_up_in_time():
    go_on = threading.Event()
    group = Group(lambda rows, line: go_on.wait(10) and [])
    begun = time.monotonic()

    with pytest.raises(StoreUnavailable):
        group.write(["row"], wait_s=0.3)

    assert time.monotonic() - begun < 1
    go_on.set()


def test_what_was_given_up_behind_a_slow_write_is_not_written():
    go_on, calls = threading.Event(), []

    def write(rows, _line):
        calls.append(list(rows))
        go_on.wait(10)
        return list(rows)

    group = Group(write)
    slow = submit(group, {}, "slow")
    until(lambda: calls, "the slow one is at it")
    with pytest.raises(StoreUnavailable):
        group.write(["given up"], wait_s=0.05)
    go_on.set()
    slow.join()

    assert group.write(["next"], wait_s=5) == ["next"]
    assert calls == [["slow"], ["next"]]


def test_what_fails_when_its_time_is_nearly_over_is_not_tried_again():
    calls = []

    def write(rows, _line):
        calls.append(rows)
        raise OperationalError

    batch = _Batch(["row"], until=time.monotonic() + 0.2)
    writer = threading.Thread(target=Group(write)._write_together, args=[[batch], Line()])
    writer.start()
    writer.join()

    assert calls == [["row"]]
    assert isinstance(batch.error, OperationalError)


def test_what_is_to_follow_gets_all_results_after_those_who_wait_have_theirs():
    followed = []
    group = Group(lambda rows, line: [row.upper() for row in rows], followed.append)

    assert group.write(["one", "two"], wait_s=5) == ["ONE", "TWO"]

    until(lambda: followed, "what follows has begun")
    assert followed == [[["ONE", "TWO"]]]


def test_what_fails_to_follow_stops_no_later_write():
    def then(done):
        raise ValueError

    group = Group(lambda rows, line: rows, then)

    assert [group.write([n], wait_s=5) for n in range(3)] == [[0], [1], [2]]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died_is_replaced():
    group = Group(lambda rows, line: rows)
    group.write(["row"], wait_s=5)
    taking, group._take = group._take, sys.exit
    group.write(["row"], wait_s=5)  # for this one it waited yet
    until(lambda: not group._writer.lives(), "the writer has died")
    group._take = taking

    assert group.write(["row"], wait_s=5) == ["row"]


def test_where_several_came_together_lately_one_waits_for_as_many(monkeypatch):
    monkeypatch.setattr("instagram_webhooks.inbox.group.PATIENCE_S", 5)
    calls, results = [], {}
    group = Group(lambda rows, line: calls.append(rows) or rows)
    group._lately.append(3)

    first = submit(group, results, "first")
    until(lambda: group._expected == 3, "the first waits for the others")
    assert not calls
    for thread in (first, submit(group, results, "second"), submit(group, results, "third")):
        thread.join()

    assert [len(rows) for rows in calls] == [3]


def test_who_comes_alone_waits_for_nobody(monkeypatch):
    monkeypatch.setattr("instagram_webhooks.inbox.group.PATIENCE_S", 5)
    group = Group(lambda rows, line: rows)
    begun = time.monotonic()

    for _ in range(3):
        group.write(["row"], wait_s=3)

    assert time.monotonic() - begun < 1


def submit(group, results, name):
    def run():
        try:
            results[name] = group.write([name], wait_s=5)
        except StoreUnavailable as exc:
            results[name] = exc

    thread = threading.Thread(target=run)
    thread.start()
    return thread

"""One thread does for all what they ask for at the same time."""

import threading

import pytest
from django.db import OperationalError

from instagram_webhooks.inbox.together import Together

PATIENCE_S = 10


class Desk:
    """Doubles numbers, and can be held in its first call."""

    def __init__(self, *, held=False, refuses=(), error=ValueError):
        self.calls, self._refuses, self._error = [], set(refuses), error
        self.is_at_it, self.may_go_on = threading.Event(), threading.Event()
        if not held:
            self.may_go_on.set()
        self.ask = Together(self._double)

    def _double(self, rows):
        self.calls.append(list(rows))
        self.is_at_it.set()
        assert self.may_go_on.wait(PATIENCE_S)
        if refused := self._refuses & set(rows):
            raise self._error(f"{refused}")
        return [2 * row for row in rows]

    def asked(self, *rows):
        """A thread for each row, and where its answer goes."""
        found = {}

        def ask(row):
            try:
                found[row] = self.ask(row)
            except BaseException as exc:  # noqa: BLE001
                found[row] = exc

        threads = [threading.Thread(target=ask, args=[row]) for row in rows]
        for thread in threads:
            thread.start()
        return threads, found


def held_with(first, *others, **more):
    """What a desk did, and gave, that was held with `first` while the others came."""
    desk = Desk(held=True, **more)
    leaders, of_first = desk.asked(first)
    assert desk.is_at_it.wait(PATIENCE_S)
    threads, found = desk.asked(*others)
    until(lambda: len(desk.ask._waiting) == len(others))
    desk.may_go_on.set()
    for thread in (*leaders, *threads):
        thread.join(PATIENCE_S)
    return desk, of_first | found


def until(condition):
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come true")


def test_who_asks_alone_is_served_at_once():
    desk = Desk()

    assert [desk.ask(1), desk.ask(2)] == [2, 4]
    assert desk.calls == [[1], [2]]


def test_those_who_come_meanwhile_are_served_in_one_call():
    desk, found = held_with(1, 2, 3, 4)

    assert found == {1: 2, 2: 4, 3: 6, 4: 8}
    assert [sorted(call) for call in desk.calls] == [[1], [2, 3, 4]]


def test_a_row_that_fails_fails_alone():
    desk, found = held_with(1, 2, 3, refuses=[3])

    assert (found[1], found[2], type(found[3])) == (2, 4, ValueError)
    assert sorted(desk.calls[2:]) == [[2], [3]]


def test_a_database_that_fails_is_not_asked_again_for_each_row():
    desk, found = held_with(1, 2, 3, refuses=[3], error=OperationalError)

    assert (found[1], type(found[2]), type(found[3])) == (2, OperationalError, OperationalError)
    assert len(desk.calls) == 2


def test_nobody_waits_for_ever_for_a_thread_that_died():
    _, found = held_with(1, 2, 3, refuses=[1], error=SystemExit)

    assert (type(found[1]), found[2], found[3]) == (SystemExit, 4, 6)
    _, found = held_with(1, 2, 3, refuses=[2], error=SystemExit)
    assert {type(found[2]), type(found[3])} == {SystemExit, OperationalError}
    assert Desk().ask(1) == 2


def test_under_a_crowd_each_gets_its_own():
    desk = Desk()

    threads, found = desk.asked(*range(500))
    for thread in threads:
        thread.join(PATIENCE_S)

    assert found == {row: 2 * row for row in range(500)}


@pytest.mark.parametrize("rows", [[], [1], [1, 2, 3]])
def test_after_its_work_it_is_led_by_nobody(rows):
    desk = Desk()

    threads, _ = desk.asked(*rows)
    for thread in threads:
        thread.join(PATIENCE_S)

    assert (desk.ask._waiting, desk.ask._is_led) == ([], False)

"""One thread does for all what they ask for at the same time."""

import threading
import time

import pytest
from django.db import OperationalError

from instagram_webhooks.inbox import together
from instagram_webhooks.inbox.together import Together
from tests.processes.process import until

PATIENCE_S = 10


class Once(list):
    """A list that cannot be read at its first time."""

    is_short = True

    def __getitem__(self, at):
        self.is_short, was_short = False, self.is_short
        if was_short:
            raise MemoryError
        return super().__getitem__(at)


class Desk:
    """Doubles numbers, and can be held in its first call."""

    def __init__(self, *, held=False, refuses=(), error=ValueError, coming=lambda: 0):
        self.calls, self._refuses, self._error = [], set(refuses), error
        self.is_at_it, self.may_go_on = threading.Event(), threading.Event()
        if not held:
            self.may_go_on.set()
        self.ask = Together(self._double, coming=lambda waiting: coming())

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


def joined(*threads):
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def held_with(first, *others, **more):
    """What a desk did, and gave, that was held with `first` while the others came."""
    desk = Desk(held=True, **more)
    leaders, of_first = desk.asked(first)
    assert desk.is_at_it.wait(PATIENCE_S)
    threads, found = desk.asked(*others)
    until(lambda: len(desk.ask._waiting) == len(others), "the others wait")
    desk.may_go_on.set()
    joined(*leaders, *threads)
    return desk, of_first | found


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


def three_of_late(monkeypatch, coming, *, patience_s=10 * PATIENCE_S):
    """A desk where three came together, and others may."""
    monkeypatch.setattr(together, "PATIENCE_S", patience_s)
    desk, _ = held_with(1, 2, 3, 4, coming=coming)
    desk.calls.clear()
    return desk


def test_who_comes_first_waits_for_as_many_as_came_of_late_and_no_longer(monkeypatch):
    desk = three_of_late(monkeypatch, lambda: 5)

    first, found = desk.asked(5)
    until(lambda: desk.ask._expected == 3, "the first waits for two more")
    second, more = desk.asked(6)
    until(lambda: len(desk.ask._waiting) == 2, "both wait")
    assert desk.calls == []
    third, rest = desk.asked(7)
    joined(*first, *second, *third)

    assert [sorted(call) for call in desk.calls] == [[5, 6, 7]]
    assert found | more | rest == {5: 10, 6: 12, 7: 14}
    assert desk.ask._expected == 0


@pytest.mark.parametrize("near", [-2, 0, 1])
def test_nobody_is_waited_for_who_is_not_about_to_come(monkeypatch, near):
    desk = three_of_late(monkeypatch, lambda: near)

    joined(*desk.asked(5)[0])

    assert desk.calls == [[5]]


def test_of_fewer_that_are_about_to_come_no_more_are_waited_for(monkeypatch):
    desk = three_of_late(monkeypatch, lambda: 2)

    threads, _ = desk.asked(5, 6)
    joined(*threads)

    assert [sorted(call) for call in desk.calls] == [[5, 6]]


def test_who_always_came_alone_waits_for_nobody(monkeypatch):
    monkeypatch.setattr(together, "PATIENCE_S", 10 * PATIENCE_S)
    desk = Desk(coming=lambda: 5)

    for row in (1, 2):
        joined(*desk.asked(row)[0])

    assert desk.calls == [[1], [2]]


def test_it_is_told_how_many_wait_already(monkeypatch):
    desk = three_of_late(monkeypatch, lambda: 0)
    told = []
    desk.ask._coming = lambda waiting: told.append(waiting) or 0

    joined(*desk.asked(5)[0])

    assert told == [1]


def test_at_times_one_more_is_waited_for_than_came_of_late(monkeypatch):
    monkeypatch.setattr(together, "PATIENCE_S", 10 * PATIENCE_S)
    monkeypatch.setattr(together, "ONE_MORE", 2)
    desk = Desk(coming=lambda: 5)

    joined(*desk.asked(1)[0])
    threads, _ = desk.asked(2)
    until(lambda: desk.ask._expected == 2, "it waits for one more")
    joined(*threads, *desk.asked(3)[0])

    assert [sorted(call) for call in desk.calls] == [[1], [2, 3]]


def test_those_who_do_not_come_are_waited_for_a_moment_and_soon_not_at_all(monkeypatch):
    desk = three_of_late(monkeypatch, lambda: 5, patience_s=0.02)

    begun = time.monotonic()
    for row in range(together.LATELY):
        assert desk.ask(row) == 2 * row
    waited_s = time.monotonic() - begun
    assert desk.ask._expected == 0
    monkeypatch.setattr(together, "PATIENCE_S", 10 * PATIENCE_S)
    joined(*desk.asked(9)[0])

    assert waited_s >= 0.02 * (together.LATELY - 1)
    assert desk.calls == [[0], [1], [2], [3], [9]]


@pytest.mark.parametrize(
    ("times", "longest_s", "calls"),
    [
        (10**7, 10 * PATIENCE_S, [[5, 6, 7]]),
        (0, 10 * PATIENCE_S, [[5], [6], [7]]),
        (10**7, 0.0, [[5], [6], [7]]),
    ],
)
def test_where_it_takes_longer_others_are_waited_for_longer_up_to_a_bound(monkeypatch, times, longest_s, calls):
    for name, value in (("TIMES", times), ("LONGEST_S", longest_s)):
        monkeypatch.setattr(together, name, value)
    desk = three_of_late(monkeypatch, lambda: 5, patience_s=0.0)
    for row in (1, 2):  # it is known how long it takes from the fourth on
        desk.ask(row)
    desk.calls.clear()

    threads = []
    for row in (5, 6, 7):
        threads += desk.asked(row)[0]
        until(
            lambda row=row: len(desk.ask._waiting) == row - 4 or any(row in call for call in desk.calls),
            f"{row} waits or is served",
        )
    joined(*threads)

    assert [sorted(call) for call in desk.calls] == calls


def test_whatever_ends_the_one_that_waits_ends_not_those_who_wait_with_it(monkeypatch):
    came, is_asked, may_end = [3, 3], threading.Event(), threading.Event()

    def coming():
        if came:
            return came.pop()
        is_asked.set()
        assert may_end.wait(PATIENCE_S)
        return 1 / 0

    desk = three_of_late(monkeypatch, coming)
    first, found = desk.asked(5)
    assert is_asked.wait(PATIENCE_S)
    desk.ask._coming = lambda waiting: waiting
    second, more = desk.asked(6)
    until(lambda: len(desk.ask._waiting) == 2, "both wait")
    may_end.set()
    joined(*first, *second)

    assert (type(found[5]), more) == (ZeroDivisionError, {6: 12})
    assert (desk.ask._waiting, desk.ask._is_led) == ([], False)


def test_under_a_crowd_each_gets_its_own():
    desk = Desk(coming=lambda: 400)

    threads, found = desk.asked(*range(500))
    joined(*threads)

    assert found == {row: 2 * row for row in range(500)}


@pytest.mark.parametrize("rows", [[], [1], [1, 2, 3]])
def test_after_its_work_it_is_led_by_nobody(rows):
    desk = Desk()

    threads, _ = desk.asked(*rows)
    joined(*threads)

    assert (desk.ask._waiting, desk.ask._is_led) == ([], False)


def test_whoever_leads_and_fails_before_it_acts_leaves_the_others_their_turn():
    desk = Desk()
    desk.ask._waiting = Once()

    with pytest.raises(MemoryError):
        desk.ask(1)

    threads, found = desk.asked(2, 3)
    joined(*threads)
    assert found == {2: 4, 3: 6}

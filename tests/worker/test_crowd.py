"""Who is about to come: those at work, less those who wait for somebody outside."""

import threading

import pytest

from instagram_webhooks.worker import crowd
from tests.processes.process import until


@pytest.fixture
def slots(monkeypatch):
    """Builder: slots at work, so many of them outside. All end with the test."""
    monkeypatch.setattr(crowd, "_at_work", set())
    monkeypatch.setattr(crowd, "_outside", {})
    over, threads = threading.Event(), []

    def work(is_outside):
        with crowd.at_work():
            if not is_outside:
                over.wait()
                return
            with crowd.outside():
                over.wait()

    def build(inside, outside=0):
        for is_outside in [False] * inside + [True] * outside:
            threads.append(threading.Thread(target=work, args=[is_outside]))
            threads[-1].start()
        until(lambda: (len(crowd._at_work), len(crowd._outside)) == (inside + outside, outside), "all are there")

    yield build
    over.set()
    for thread in threads:
        thread.join()
    assert (crowd._at_work, crowd._outside) == (set(), {})


def test_nobody_is_coming_where_nobody_works():
    assert crowd.coming() <= 0


def test_those_at_work_are_coming_but_for_a_few_who_are_at_another_step(slots):
    slots(5)

    assert crowd.coming() == 5 - crowd.ELSEWHERE


def test_who_is_outside_is_not_coming(slots, monkeypatch):
    monkeypatch.setattr(crowd, "QUICK_S", 0.0)
    slots(6, outside=2)

    assert crowd.coming() == 6 - crowd.ELSEWHERE


def test_who_went_outside_a_moment_ago_may_be_back_at_once(slots, monkeypatch):
    monkeypatch.setattr(crowd, "QUICK_S", 60.0)
    slots(6, outside=2)

    assert crowd.coming() == 8 - crowd.ELSEWHERE


def test_nobody_is_waited_for_while_most_are_outside(slots, monkeypatch):
    monkeypatch.setattr(crowd, "QUICK_S", 0.0)
    slots(5, outside=5)

    assert crowd.coming() == 0

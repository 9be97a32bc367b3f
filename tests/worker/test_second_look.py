"""A moment after a slot has left a lane it is looked whether anything waits there."""

import sys
import threading
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from audit.ids import uuid7
from instagram_webhooks.inbox.line import RowBusy
from instagram_webhooks.worker import second_look, taking, work
from instagram_webhooks.worker.second_look import SecondLook
from tests.builders import PERSON, a_message, now_ms, stored
from tests.processes.process import until

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def offered(monkeypatch):
    """What was offered, look by look."""
    looks = []
    offer = lambda ids: looks.append(sorted(ids))  # noqa: E731
    monkeypatch.setattr(second_look, "wake_ups", SimpleNamespace(offer=offer))  # the door offers too
    return looks


def test_the_lanes_of_a_moment_share_a_look(offered, monkeypatch):
    events = stored(*[a_message(f"m-{n}", sender=str(n)) for n in range(3)])
    monkeypatch.setattr(second_look, "AFTER_S", 0.2)
    look = SecondLook()

    for lane in [event.lane for event in events] + [uuid7()]:
        look.take(lane)
    until(lambda: offered, "they are offered")

    assert offered == [sorted(event.pk for event in events)]


def test_at_the_end_of_a_process_it_is_looked_at_once(offered, monkeypatch):
    (event,) = stored(a_message())
    monkeypatch.setattr(second_look, "AFTER_S", 60.0)
    look = SecondLook()
    look.take(event.lane)

    look.flush()
    look.flush()

    assert offered == [[event.pk]]


@pytest.mark.parametrize("error", [OperationalError, RowBusy, MemoryError])
def test_a_look_that_fails_is_made_again(error, offered, monkeypatch):
    (event,) = stored(a_message())
    monkeypatch.setattr(second_look, "AGAIN_S", 0.01)
    waiting, failures = taking.waiting, [error]

    def failing(lanes):
        if failures:
            raise failures.pop()
        return waiting(lanes)

    monkeypatch.setattr(taking, "waiting", failing)
    SecondLook().take(event.lane)
    until(lambda: offered, "it is offered")

    assert (offered, failures) == ([[event.pk]], [])


def test_the_end_of_a_process_waits_for_the_look_under_way(offered, monkeypatch):
    (event,) = stored(a_message())
    waiting, is_at_it, may_go_on = taking.waiting, threading.Event(), threading.Event()

    def held(lanes):
        is_at_it.set()
        may_go_on.wait(60)
        return waiting(lanes)

    monkeypatch.setattr(taking, "waiting", held)
    monkeypatch.setattr(second_look, "LAST_WORDS_S", 60.0)
    look, found = SecondLook(), []
    look.take(event.lane)
    assert is_at_it.wait(60)
    end = threading.Thread(target=lambda: (look.flush(), found.extend(offered)))
    end.start()
    until(lambda: sys._current_frames()[end.ident].f_code.co_name == "_look", "it waits")
    may_go_on.set()
    end.join(60)

    assert found == [[event.pk]]


def test_the_end_of_a_process_does_not_wait_for_ever(offered, monkeypatch):
    (event,) = stored(a_message())
    is_at_it, may_go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(taking, "waiting", lambda _lanes: is_at_it.set() or (may_go_on.wait(60) and {}))
    monkeypatch.setattr(second_look, "LAST_WORDS_S", 0.05)
    look = SecondLook()
    look.take(event.lane)
    assert is_at_it.wait(60)

    end = threading.Thread(target=look.flush)
    end.start()
    end.join(10)
    is_over = not end.is_alive()
    may_go_on.set()
    end.join(10)

    assert (is_over, offered) == (True, [])


def test_a_thread_that_could_not_start_is_started_with_the_next_lane(offered, refused_thread):
    (event,) = stored(a_message())
    refusals = refused_thread("second-look")
    look = SecondLook()
    look.take(event.lane)
    assert not refusals
    look.take(uuid7())
    until(lambda: offered, "it is offered")

    assert offered == [[event.pk]]


def test_what_comes_while_the_last_of_its_lane_is_ended_is_offered_again(offered, graph, monkeypatch):
    """Its own wake-up found the lane busy."""
    (first,) = stored(a_message("m-1"))
    later, end = [], work.commits._ended

    def ended(row):
        found = end(row)
        if not later:
            later.extend(stored(a_message("m-2", timestamp=now_ms() + 1), correlation_id="request-2"))
        return found

    monkeypatch.setattr(work.commits, "_ended", ended)
    work.process(first.pk)
    until(lambda: offered, "it is offered")

    assert (offered, len(graph.taken(PERSON))) == ([[later[0].pk]], 1)


def test_a_look_that_fails_before_it_begins_keeps_no_other_from_looking(offered, monkeypatch):
    (event,) = stored(a_message())
    look = SecondLook()
    errors, clear = [MemoryError()], look._are_left.clear

    def fails():
        if errors:
            raise errors.pop()
        clear()

    monkeypatch.setattr(look._are_left, "clear", fails)
    monkeypatch.setattr(second_look, "AGAIN_S", 0.01)
    look.take(event.lane)
    until(lambda: offered, "it is offered")

    assert (offered, errors) == ([[event.pk]], [])

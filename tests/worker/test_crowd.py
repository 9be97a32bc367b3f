"""Who is about to come: those at work, less those who wait for somebody outside."""

import threading
import time

import pytest

from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.replies import graph_api, policy
from instagram_webhooks.worker import alone, commits, crowd, taking
from tests.builders import a_message, stored
from tests.processes.process import until
from tests.worker.conftest import worked


@pytest.fixture
def slots(monkeypatch):
    """Builder: slots at work, so many of them outside. All end with the test."""
    monkeypatch.setattr(crowd, "_at_work", set())
    monkeypatch.setattr(crowd, "_outside", {})
    monkeypatch.setattr(crowd, "_done", {})
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
    assert crowd.coming() == 0


def test_all_at_work_are_coming_whichever_step_they_are_at(slots):
    slots(5)

    assert crowd.coming() == 5


@pytest.mark.parametrize(("next_s", "coming"), [(60.0, 4), (0.0, 3)])
def test_who_was_done_a_moment_ago_has_the_next_soon(slots, monkeypatch, next_s, coming):
    monkeypatch.setattr(crowd, "NEXT_S", next_s)
    slots(3)

    for _ in range(2):  # and is one all the same
        with crowd.at_work():
            assert (crowd.coming(), crowd.claiming(2)) == (4, 2)

    assert (crowd.coming(), crowd.claiming(2)) == (coming, coming - 1)


@pytest.mark.parametrize(("outside", "claiming"), [(1, 3), (3, 2)])
def test_claims_wait_for_nobody_while_most_are_outside(slots, monkeypatch, outside, claiming):
    monkeypatch.setattr(crowd, "QUICK_S", 0.0)
    slots(3, outside=outside)
    crowd._done[0] = time.monotonic() + 60.0

    assert crowd.claiming(2) == claiming


def test_who_is_outside_is_not_coming(slots, monkeypatch):
    monkeypatch.setattr(crowd, "QUICK_S", 0.0)
    slots(6, outside=2)

    assert crowd.coming() == 6


def test_who_went_outside_a_moment_ago_may_be_back_at_once(slots, monkeypatch):
    monkeypatch.setattr(crowd, "QUICK_S", 60.0)
    slots(6, outside=2)

    assert crowd.coming() == 8


def test_nobody_is_waited_for_while_most_are_outside(slots, monkeypatch):
    monkeypatch.setattr(crowd, "QUICK_S", 0.0)
    slots(5, outside=5)

    assert crowd.coming() == 0


@pytest.fixture
def noted(monkeypatch):
    """Where a slot was, at work and outside, when it came to each of these."""
    found = {}

    def note(owner, name):
        real = getattr(owner, name)

        def noting(*args, **more):
            me = threading.get_ident()
            found[name] = (me in crowd._at_work, me in crowd._outside)
            return real(*args, **more)

        monkeypatch.setattr(owner, name, noting)

    for owner, name in ((policy, "ask"), (graph_api, "send_text"), (commits, "_begun"), (commits, "_ended")):
        note(owner, name)
    monkeypatch.setattr(alone, "work_off", lambda claim: None)
    note(alone, "work_off")
    return found


@pytest.mark.usefixtures("shop")
def test_a_slot_is_outside_with_the_policy_and_meta_and_waits_for_others_at_both_commits(noted):
    (event,) = stored(a_message("m-1"))

    assert worked(event).state == "processed"

    assert noted == {"ask": (True, True), "_begun": (True, False), "send_text": (True, True), "_ended": (True, False)}
    assert (crowd._at_work, crowd._outside) == (set(), {})


@pytest.mark.usefixtures("shop")
def test_a_slot_is_outside_while_a_child_works_for_it(noted):
    (event,) = stored(a_message("m-1"))
    WebhookEvent.objects.filter(pk=event.pk).update(starts=2)

    worked(event)

    assert noted == {"work_off": (True, True)}


def test_both_commits_of_a_message_and_its_claim_wait_for_who_is_coming():
    steps = (commits._begun, commits._ended, taking._together)

    assert [each._coming for each in steps] == [crowd.coming, crowd.coming, crowd.claiming]

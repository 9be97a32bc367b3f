"""What a worker and a publisher count, once for what happened once."""

from collections import Counter

import pytest

from audit.ids import uuid7
from instagram_webhooks import metrics
from instagram_webhooks.inbox.wake_ups import AT_ONCE, KEPT, Publisher
from tests.builders import PERSON, a_message, an_item, knobs, now_ms, stored
from tests.door.test_wake_ups import queue
from tests.worker.conftest import graph, shop, worked
from tests.worker.test_failures import until_ended

__all__ = ["graph", "queue", "shop"]


@pytest.fixture
def told(counted):
    """The values of the first label by what was counted of them, of one metric of Instagram."""

    def rose(metric):
        found = counted().items()
        return Counter({series[1]: value for series, value in found if series[0] == metric.name and value})

    return rose


@pytest.mark.parametrize(
    ("answer", "codes", "outcomes"),
    [
        ("", {"ok": 1}, {"sent": 1}),
        ("http:400:100", {"100": 1}, {"refused": 1}),
        ("http:400:7777", {"other": 1}, {"refused": 1}),
        ("http:400:613", {"613": 1, "ok": 1}, {"postponed": 1, "sent": 1}),
        ("http:500", {"none": 1, "ok": 3}, {"unknown": 1, "sent": 1}),
        ("reset-before", {"unanswered": 1, "ok": 3}, {"unknown": 1, "sent": 1}),
        ("http-after:503:2", {"2": 1, "ok": 1}, {"unknown": 1, "found": 1}),
    ],
)
def test_each_call_is_counted_by_its_code_and_each_try_by_what_it_came_to(shop, graph, told, answer, codes, outcomes):
    graph.script(PERSON, [answer] if answer else [])
    (event,) = stored(a_message())

    until_ended(event)

    assert told(metrics.GRAPH_CALLS) == codes
    assert told(metrics.GRAPH_CALLS).total() == len(graph.calls(PERSON))
    assert told(metrics.REPLIES) == outcomes


def test_a_call_that_reaches_nobody_left_nothing(shop, told):
    (event,) = stored(a_message())

    with knobs(graph_api_url="http://127.0.0.1:1"):
        worked(event)

    assert (told(metrics.GRAPH_CALLS), told(metrics.REPLIES)) == ({"unreachable": 1}, {"postponed": 1})


@pytest.mark.parametrize(("settings", "outcomes"), [({"replies": "shadow"}, {"withheld": 1}), ({}, {"sent": 1})])
def test_what_is_withheld_was_no_try_to_send(shop, graph, told, settings, outcomes):
    with knobs(**settings):
        worked(stored(a_message())[0])

    assert told(metrics.REPLIES) == outcomes


def test_what_is_processed_is_timed_once_however_often_it_was_tried(shop, graph, counted):
    graph.script(PERSON, ["http:500"])
    (event,) = stored(a_message())

    until_ended(event)
    worked(event)  # a wake-up that comes late

    found = counted()
    assert event.state == "processed"
    assert found[f"{metrics.PROCESSED.name}_count",] == 1
    assert 0 < found[f"{metrics.PROCESSED.name}_sum",] < 60


def test_only_what_is_processed_is_timed(shop, graph, counted):
    graph.script(PERSON, ["http:400:100"])
    referral = an_item(referral={"ref": "x", "source": "y", "type": "OPEN_THREAD"})
    deletion = an_item(message={"mid": "m-3", "is_deleted": True}, sender="7")
    events = stored(a_message("m-1"), referral, deletion, a_message("m-3", sender="7", timestamp=now_ms() + 1000))

    states = [worked(event).state for event in events]

    assert states == ["dead", "ignored", "processed", "ignored"]
    assert counted()[f"{metrics.PROCESSED.name}_count",] == 1


def test_wake_ups_that_are_dropped_are_counted_by_why(told, nowhere):
    publisher = Publisher()

    publisher.offer([uuid7() for _ in range(KEPT + AT_ONCE)])

    assert told(metrics.WAKE_UPS_DROPPED)["memory_full"] == publisher.dropped > 0
    publisher._waiting.clear()
    assert publisher._empty.wait(10)


def test_a_queue_that_is_full_drops_wake_ups_of_its_own_kind(queue, told):
    publisher = Publisher()

    with knobs(queue_limit=2):
        for _ in range(2):
            publisher.offer([uuid7(), uuid7()])
            assert publisher.flush(5)

    assert told(metrics.WAKE_UPS_DROPPED) == {"queue_full": 2}

"""A short outage of Meta, from its begin to the last reply; `python -m tests.outage` is the long one."""

import contextlib
import queue
import threading
import time
from collections import Counter

import pytest
from django.db import connection

from dead_letters.models import DeadLetter
from instagram_webhooks.inbox.sweep import sweep
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.replies import waking
from instagram_webhooks.worker import work
from instagram_webhooks.worker.retries import TryAgain
from tests.builders import a_message, knobs, stored
from tests.outage import most_in_a_second

OUTAGE_S, PER_S, SLOTS = 2.0, 20, 2


class Crew:
    """Workers over a queue in memory, and the upkeep that fills it."""

    def __init__(self):
        self.due, self._stopped = queue.Queue(), threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(SLOTS)]
        self._threads.append(threading.Thread(target=self._keep_up))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        for thread in self._threads:
            thread.join(20)

    def _work(self):
        with contextlib.closing(connection):
            while not self._stopped.is_set():
                with contextlib.suppress(queue.Empty, TryAgain):
                    work.process(self.due.get(timeout=0.05))

    def _keep_up(self):
        with contextlib.closing(connection):
            while not self._stopped.wait(0.1):
                waking.wake_held()
                sweep(lambda ids: [self.due.put(event_id) for event_id in ids], depth=self.due.qsize)


@pytest.fixture
def short_times(shop):
    with knobs(
        first_pause_s=0.5, longest_pause_s=1.0, sweep_interval_s=0.2, dispatch_gate_s=1.0,
        retry_delays_s=(0.5, 1.0), reply_settle_s=0.2,
    ):  # fmt: skip
        yield


@pytest.mark.usefixtures("short_times")
def test_an_outage_costs_few_calls_and_no_event_and_what_waited_goes_soon_after(graph, record_property):
    graph.settings(lookups_per_s=2)
    graph.script_all(["http:503*"])
    graph.script_all(["http:503*"], edge="conversations")

    with Crew() as crew:
        begun = time.time()
        count = 0
        while time.time() - begun < OUTAGE_S:
            (event,) = stored(a_message(f"m-{count}", str(count), sender=str(7000 + count)))
            crew.due.put(event.pk)
            count += 1
            time.sleep(1 / PER_S)
        during = len(graph.calls())
        graph.script_all([])
        graph.script_all([], edge="conversations")
        back = time.time()
        while WebhookEvent.objects.exclude(state="processed").exists() and time.time() < back + 30:
            time.sleep(0.1)
        drained_s = time.time() - back

    record_property("outage", {"events": count, "calls_during": during, "drained_s": round(drained_s, 1)})
    assert Counter(WebhookEvent.objects.values_list("state", flat=True)) == {"processed": count}
    assert DeadLetter.objects.count() == 0
    assert Counter(call.text for call in graph.taken()) == {f"re {n}": 1 for n in range(count)}
    assert during <= 3 + SLOTS + 4  # those before the pause and under way, and a probe at each end of one
    lookups = [call for call in graph.calls() if call.edge == "conversations"]
    assert most_in_a_second(lookups) <= 2
    assert "refused" not in {call.answer for call in lookups}

"""
Inbox and ledger under anything: a machine that posts, delivers in any order, lets workers die or stand
still after any step, lets time pass, sweeps and replays, on a real database; and holds them to their
promises after each step and at the end, when all that is broken is mended.
"""

import os
import time

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from dead_letters import review
from dead_letters.models import DeadLetter, Status
from instagram_webhooks.inbox.sweep import sweep
from instagram_webhooks.models import Message, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import graph_api, wire
from instagram_webhooks.states import ENDED, OPEN, EventState
from instagram_webhooks.worker import alone, answering
from tests.builders import a_message, knobs, now_ms, stored
from tests.worker.stage import CRASHES, STALLS, Run, hang_in

# A few examples in each run of the tests; by hand as many as there is time for.
EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "6"))
# Neither made smaller nor explained, which takes minutes: by hand, with more examples and Phase.shrink.
PHASES = (Phase.generate,)
PEOPLE = ("6120000000000001", "6120000000000002")
ANSWERS = ("ok", "ok", "ok", "http:500:2", "http-after:500:2", "reset-before", "reset-after", "not-json", "429:1")
TABLES = ("webhookevent", "eventpayload", "outgoingreply", "message", "conversation", "worker")
# What "time passes" means to a database: every time in it is longer ago.
TIMES = {
    "instagram_webhooks_webhookevent": ("claimable_at", "dispatched_at", "order_at", "received_at", "finished_at"),
    "instagram_webhooks_outgoingreply": ("called_at", "ended_at", "absent_at"),
    "instagram_webhooks_account": ("paused_until", "probe_until", "next_wake_at", "next_lookup_at"),
    "instagram_webhooks_worker": ("pulse_at", "stopped_at"),
}


class Clock:
    """A process's own clock, which runs on while the machine lets time pass."""

    ahead_s = 0.0

    def __getattr__(self, name):
        return getattr(time, name)

    def monotonic(self):
        return time.monotonic() + self.ahead_s


class Inbox(RuleBasedStateMachine):
    events = Bundle("events")
    graph = None  # set by the test
    clock = Clock()

    def __init__(self):
        super().__init__()
        self.posts, self.fences, self.stalled = [], {}, []
        self.late, self.died = set(), set()
        self.count, self.graph_time = 0, now_ms() - 3_600_000
        self.graph.reset()
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {DeadLetter._meta.db_table}")
            for table in TABLES:
                cursor.execute(f"DELETE FROM instagram_webhooks_{table}")
            cursor.execute(
                "UPDATE instagram_webhooks_account SET paused_until = NULL, probe_until = NULL,"
                " next_wake_at = NULL, next_lookup_at = NULL, unknown_in_a_row = 0"
            )

    # --- what may happen -------------------------------------------------------------------------

    @rule(target=events, person=st.sampled_from(PEOPLE), count=st.integers(1, 3), is_late=st.booleans())
    def post(self, person, count, is_late):
        items = []
        for _ in range(count):
            self.count += 1
            at = self.graph_time - 60_000 if is_late else self.graph_time + self.count * 1000
            items.append(a_message(f"m-{self.count}", f"n{self.count:03}", sender=person, timestamp=at))
            if is_late:
                self.late.add(f"re n{self.count:03}")
        self.posts.append(items)
        return multiple(*(row.pk for row in stored(*items)))

    @rule(data=st.data())
    def post_twice(self, data):
        if self.posts:
            before = WebhookEvent.objects.count()
            stored(*data.draw(st.sampled_from(self.posts)))
            assert WebhookEvent.objects.count() == before

    @rule(event=events, answer=st.sampled_from(ANSWERS))
    def deliver(self, event, answer):
        self._run(event, answer)

    @rule(event=events, answer=st.sampled_from(ANSWERS), point=st.sampled_from(CRASHES))
    def deliver_and_crash(self, event, answer, point):
        self._run(event, answer, point=point, crashes=True)

    @rule(event=events, answer=st.sampled_from(ANSWERS), point=st.sampled_from(STALLS))
    def deliver_and_stall(self, event, answer, point):
        self._run(event, answer, point=point)

    @rule()
    def resume(self):
        if self.stalled:
            self.stalled.pop(0).resume()

    @rule(seconds=st.sampled_from((1, 6, 40, 400)))
    def advance(self, seconds):
        self.clock.ahead_s += seconds
        with connection.cursor() as cursor:
            for table, columns in TIMES.items():
                changes = ", ".join(f"{name} = {name} - make_interval(secs => {seconds})" for name in columns)
                cursor.execute(f"UPDATE {table} SET {changes}")

    @rule()
    def sweep(self):
        offered = []
        sweep(offered.extend, depth=lambda: None)
        for event in offered:
            self._run(event, "ok")

    @rule()
    def replay(self):
        letters = list(DeadLetter.objects.filter(status=Status.OPEN).values_list("pk", flat=True))
        review.replay(letters, reason="try again", actor="a person")

    def _run(self, event, answer, **plan):
        self.graph.script_all([answer])
        run = Run(event, **plan)
        if run.is_stalled:
            self.stalled.append(run)

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def no_fence_falls(self):
        for event, fence in WebhookEvent.objects.values_list("pk", "fence"):
            assert fence >= self.fences.get(event, 0)
            self.fences[event] = fence

    @invariant()
    def nobody_is_told_twice(self):
        texts = [call.text for call in self.graph.taken()]
        assert len(texts) == len(set(texts)), "a reply was taken twice"

    @invariant()
    def who_died_is_known(self):
        dead = WebhookEvent.objects.filter(state=EventState.DEAD).values_list("pk", flat=True)
        self.died |= set(OutgoingReply.objects.filter(event_id__in=dead).values_list("event_id", flat=True)) | set(dead)

    @invariant()
    def one_event_of_a_lane_at_a_time(self):
        lanes = list(WebhookEvent.objects.filter(state=EventState.PROCESSING).values_list("lane", flat=True))
        assert len(lanes) == len(set(lanes))

    def teardown(self):
        try:
            self._mend()
            self._judge()
        finally:
            for run in self.stalled:
                run.resume()

    def _mend(self):
        """Everything goes on, nothing fails any more, and time passes until all events have ended."""
        while self.stalled:
            self.stalled.pop(0).resume()
        for _ in range(60):
            self.who_died_is_known()
            self.replay()
            if not WebhookEvent.objects.filter(state__in=OPEN).exists():
                return
            self.advance(400)
            self.sweep()
        standing = WebhookEvent.objects.filter(state__in=OPEN).values_list("state", "reason", "attempts", "starts")
        raise AssertionError(f"not at rest: {list(standing)}")

    def _judge(self):
        taken = [(call.recipient, call.text) for call in self.graph.taken()]
        undecided = set(OutgoingReply.objects.filter(state="undecided").values_list("event_id", flat=True))
        for event in WebhookEvent.objects.exclude(pk__in=undecided):
            assert event.state in ENDED
            if event.state == EventState.PROCESSED:
                assert Message.objects.filter(event_id=event.pk, author=Message.Author.CUSTOMER).count() == 1
        answered = OutgoingReply.objects.filter(state="sent").count()
        assert answered == WebhookEvent.objects.filter(state=EventState.PROCESSED).count()
        assert answered <= len(taken) <= answered + len(undecided)
        exempt = {f"re {reply}" for reply in self._texts_of_the_dead()} | self.late
        for person in PEOPLE:
            seen = [text for to, text in taken if to == person and text not in exempt]
            assert seen == sorted(seen), "a later message was answered before an earlier one"

    def _texts_of_the_dead(self):
        keys = WebhookEvent.objects.filter(pk__in=self.died).values_list("correlation_id", "place")
        places = {(correlation, place) for correlation, place in keys}
        rows = WebhookEvent.objects.order_by("event_id").values_list("correlation_id", "place")
        return [f"n{n:03}" for n, row in enumerate(rows, 1) if row in places]


@pytest.mark.usefixtures("shop")
def test_inbox_and_ledger_keep_their_promises_whatever_happens(graph, monkeypatch):
    hang_in(monkeypatch)
    for module in (answering, graph_api, wire):
        monkeypatch.setattr(module, "time", Inbox.clock)
    monkeypatch.setattr(alone, "FROM_START", 1_000_000)  # a process of its own has tests of its own
    Inbox.graph = graph
    times = {"retry_delays_s": (1.0, 2.0), "reply_settle_s": 2.0, "graph_deadline_s": 5.0, "lease_s": 30.0}
    with knobs(graph_api_url=graph.url, reply_policy="tests.policies.repeat", max_attempts=2, **times):
        run_state_machine_as_test(
            Inbox,
            settings=settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None, derandomize=True,
                              suppress_health_check=list(HealthCheck), phases=PHASES),
        )  # fmt: skip

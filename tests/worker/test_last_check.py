"""A worker that is stopped between its last commit and the call."""

import contextlib
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.models import OutgoingReply, WebhookEvent
from instagram_webhooks.replies import wire
from instagram_webhooks.worker import answering, commits, work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.retries import TryAgain
from tests.builders import PERSON, a_message, stored

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def stopped(monkeypatch):
    """Holds the call on its open connection until it is late, and does something meanwhile."""

    def arrange(meanwhile):
        begin, held = wire.watch.begin, []

        def hold(deadline, sock):
            begin(deadline, sock)
            if not held:
                held.append(meanwhile())
                time.sleep(0.06)

        monkeypatch.setattr(answering, "CHECK_AGAIN_S", 0.05)
        monkeypatch.setattr(wire.watch, "begin", hold)
        return held

    return arrange


def test_a_worker_whose_successor_is_at_work_sends_nothing(graph, stopped):
    (event,) = stored(a_message())

    def another_takes_over():
        WebhookEvent.objects.update(claimable_at=timezone.now() - timedelta(seconds=1))
        return claims.claim(event.pk, worker_id=uuid7())

    taken = stopped(another_takes_over)
    work.process(event.pk)

    event.refresh_from_db()
    assert (event.state, event.fence, taken[0].fence, graph.calls()) == ("processing", 2, 2, [])


def test_a_worker_that_still_has_its_claim_sends_once(graph, stopped):
    (event,) = stored(a_message())
    held = stopped(lambda: None)

    work.process(event.pk)

    event.refresh_from_db()
    assert (event.state, len(held), len(graph.taken(PERSON))) == ("processed", 1, 1)


def test_a_slot_whose_lease_began_anew_is_not_taken_for_stuck(graph, stopped, monkeypatch):
    (event,) = stored(a_message())
    ages, end = [], commits.end

    def was_long_at_it():
        life._busy.update(dict.fromkeys(life._busy, (time.monotonic() - 1000,) * 2))

    def ends(*given, **more):
        ages.append(life.longest_s())
        return end(*given, **more)

    monkeypatch.setattr(commits, "end", ends)
    stopped(was_long_at_it)
    work.process(event.pk)

    assert len(ages) == 1
    assert ages[0] < 500


def test_a_call_that_begins_late_is_looked_up_by_the_time_when_it_began(graph, stopped):
    (event,) = stored(a_message())
    graph.script(PERSON, ["reset-before"])

    def long_ago():
        OutgoingReply.objects.update(called_at=timezone.now() - timedelta(minutes=1))

    stopped(long_ago)
    with contextlib.suppress(TryAgain):
        work.process(event.pk)

    assert OutgoingReply.objects.get().called_at > timezone.now() - timedelta(seconds=20)

"""Claims for all slots at once: as the claims of one (tests/inbox/test_claim.py), with what stands beside the event."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.models import Account, Conversation, WebhookEvent
from instagram_webhooks.worker import commits, taking, visit, work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.taking import _Ask, _take
from tests.builders import PERSON, a_message, an_item, knobs, now_ms, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def of(*events):
    return _take([_Ask(event_id=event.pk) for event in events])


def test_each_gets_the_head_of_its_lane():
    late, early = stored(a_message("m-1", timestamp=now_ms()), a_message("m-2", timestamp=now_ms() - 5000))
    (other,) = stored(a_message("m-3", sender="9"), correlation_id="request-2")

    first, second = of(late, other)

    assert (first.claim.event_id, second.claim.event_id) == (early.pk, other.pk)
    assert (first.claim.fence, first.claim.attempt, first.claim.starts) == (1, 1, 1)
    assert first.claim.sealed == bytes(claims.held(early.pk, fence=1).sealed)


def test_a_claim_that_is_made_and_not_understood_is_given_back_with_the_next(monkeypatch):
    (event,) = stored(a_message())
    understood, errors = taking.understood, [MemoryError()]

    def fails(row):
        if errors:
            raise errors.pop()
        return understood(row)

    monkeypatch.setattr(taking, "understood", fails)
    with pytest.raises(MemoryError):
        work.process(event.pk)
    event.refresh_from_db()
    assert (event.state, life.may_hold_more) == ("processing", True)

    assert work._taken(taking.by_event, event.pk).claim.fence == 2
    assert not life.may_hold_more


def test_a_claim_that_was_asked_for_twice_in_vain_may_have_been_made(monkeypatch):
    (event,) = stored(a_message())

    def fails(_name):
        raise OperationalError

    with pytest.raises(OperationalError):
        work._taken(fails, event.pk)

    assert life.may_hold_more
    work.give_back_unknown()


def test_a_lane_that_cannot_be_asked_for_more_is_looked_at_again(graph, monkeypatch):
    (event,) = stored(a_message())
    asked = []

    def fails(lane):
        raise OperationalError

    monkeypatch.setattr(taking, "by_lane", fails)
    monkeypatch.setattr(work.second_look, "take", asked.append)
    monkeypatch.setattr(commits, "end", lambda *_args, **_more: False)  # so that the next is asked for by itself

    with pytest.raises(OperationalError):
        work.process(event.pk)

    assert asked == [event.lane]
    work.give_back_unknown()


def test_the_claim_is_the_one_that_is_made_for_one():
    (event,) = stored(a_message())

    (taken,) = of(event)

    alone = claims.held(event.pk, fence=1)  # which counts no attempt of its own
    for name in claims.COLUMNS:
        assert getattr(taken.claim, name) == getattr(alone, name)


def test_a_lane_that_two_ask_for_goes_to_one():
    first, second = stored(a_message("m-1"), a_message("m-2"))

    taken = of(first, second)

    assert sorted(one.claim is not None for one in taken) == [False, True]


def test_what_is_done_or_unknown_is_nobodys():
    (event,) = stored(a_message())
    worked(event)

    unknown, done, no_lane = _take([_Ask(event_id=uuid7()), _Ask(event_id=event.pk), _Ask(lane=uuid7())])

    assert [one.claim for one in (unknown, done, no_lane)] == [None] * 3


def test_a_lane_is_asked_for_by_its_own_name():
    first, second = stored(a_message("m-1"), a_message("m-2"))

    by_event, by_lane = _take([_Ask(event_id=uuid7()), _Ask(lane=second.lane)])

    assert (by_event.claim, by_lane.claim.event_id) == (None, first.pk)


def test_a_receipt_has_no_lane():
    (receipt,) = stored(an_item(read={"mid": "m-1"}))

    (taken,) = of(receipt)

    assert (taken.claim.event_id, taken.claim.lane) == (receipt.pk, None)


def test_a_lease_that_ran_out_is_said_and_taken_over():
    (event,) = stored(a_message())
    of(event)
    WebhookEvent.objects.update(claimable_at=timezone.now() - timedelta(seconds=1))

    (taken,) = of(event)
    assert (taken.claim, taken.has_expired) == (None, True)
    assert taking.by_event(event.pk).claim.fence == 2


def test_another_worker_s_event_of_the_lane_leaves_nothing():
    first, _ = stored(a_message("m-1"), a_message("m-2"))
    (other,) = stored(a_message("m-3", sender="9"), correlation_id="request-2")
    of(first)

    held, free = of(first, other)

    assert (held.claim, held.has_expired, free.claim.event_id) == (None, False, other.pk)


@pytest.mark.parametrize("state", ["active", "token"])
def test_it_is_said_whether_the_account_of_an_event_rests(state):
    (event,) = stored(a_message())
    Account.objects.update(state=state)
    of(event)

    (taken,) = of(event)

    assert taken.rests == (state != "active")


def test_what_stands_beside_the_event_is_seen_with_it():
    answered, deleted = stored(a_message("m-1"), a_message("m-2", sender="9"))
    (tap,) = stored(an_item(sender="9", message={"mid": "m-2", "is_deleted": True}), correlation_id="request-2")
    worked(answered)
    WebhookEvent.objects.filter(pk=deleted.pk).update(order_at=tap.order_at + timedelta(seconds=1))
    worked(tap)
    (again,) = stored(a_message("m-4"), correlation_id="request-3")
    WebhookEvent.objects.filter(pk=deleted.pk).update(
        state="received", claimable_at=timezone.now(), finished_at=None, reason=""
    )

    first, second = of(again, deleted)

    conversation = Conversation.objects.get(pk=again.conversation_id)
    assert first.claim.seen.last_reply_at == conversation.last_reply_at is not None
    assert not first.claim.seen.is_deleted
    assert second.claim.seen.is_deleted


def test_slots_that_ask_at_the_same_time_share_no_event():
    events = stored(*[a_message(f"m-{n}", sender=str(n)) for n in range(40)])
    found, gate = [], threading.Barrier(8)

    def slot():
        gate.wait(10)
        claims = [taking.by_event(event.pk).claim for event in events]
        found.extend(claim.event_id for claim in claims if claim)

    threads = [threading.Thread(target=slot) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(found) == sorted(event.pk for event in events)


@pytest.mark.parametrize("statement", [taking._TAKE, taking._HEADS])
def test_the_plan_reads_indexes_only(statement, line_plan):
    plan = line_plan(taking.line, statement, {"ids": "{}", "lanes": "{}", "worker": uuid7(), "lease": 30.0})

    assert "Seq Scan" not in plan
    assert "Hash Join" not in plan
    for index_of_all in ("event_claimable", "event_longest_open"):  # all that is due or open: nothing, when planned
        assert index_of_all not in plan


@pytest.mark.parametrize("is_claimed", [False, True])
def test_of_a_lane_is_known_what_waits_where_nobody_is_at_it(is_claimed):
    first, _ = stored(a_message("m-1"), a_message("m-2", timestamp=now_ms() + 1))
    if is_claimed:
        of(first)

    assert taking.waiting([first.lane, uuid7()]) == ({} if is_claimed else {first.lane: first.pk})


def test_after_eight_of_a_lane_its_slot_leaves_it(graph, monkeypatch):
    events = stored(*[a_message(f"m-{n}", timestamp=now_ms() + n) for n in range(visit.MOST_IN_A_ROW + 1)])
    left = []
    monkeypatch.setattr(visit, "LONGEST_S", 60.0)  # also where others use this machine
    monkeypatch.setattr(work.second_look, "take", left.append)

    work.process(events[0].pk)

    assert (len(graph.taken(PERSON)), left) == (visit.MOST_IN_A_ROW, [events[0].lane])


@pytest.mark.parametrize(("messages", "most"), [(1, 3), (2, 5), (8, 17)])
def test_a_message_is_answered_in_few_round_trips(messages, most, graph, monkeypatch, django_assert_num_queries):
    """Claim, begin, and an end that brings the next of its lane along: what the figures in benchmarks/ rest on.

    The look at what came meanwhile is one for all lanes of a moment.
    """
    events = stored(*[a_message(f"m-{n}") for n in range(messages)])
    runs, left = [], []
    run = taking.Line.run
    monkeypatch.setattr(visit, "LONGEST_S", 60.0)
    monkeypatch.setattr(taking.Line, "run", lambda self, *args: runs.append(self) or run(self, *args))
    monkeypatch.setattr(work.second_look, "take", left.append)

    given = knobs(reply_policy="instagram_webhooks.replies.policy.acknowledge", ack_cooldown_s=0.0)
    with given, django_assert_num_queries(0):
        work.process(events[0].pk)

    assert (len(runs), len(graph.taken(PERSON)), left) == (most, messages, [events[0].lane])

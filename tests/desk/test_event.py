"""An event as the outside sees it."""

import json
from datetime import datetime

import pytest

from audit import record
from audit.ids import uuid7
from dead_letters.bury import BuriedError, bury
from instagram_webhooks.desk.event import shown
from instagram_webhooks.inbox.claim import head_of
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.vault import message_digest
from tests.desk.builders import ACCOUNT, a_reply, an_event, at

pytestmark = pytest.mark.django_db


def buried(event):
    return bury(
        subject_kind="instagram_webhooks.event",
        subject_id=event.pk,
        lane=event.lane,
        order_at=event.order_at,
        provider=event.provider,
        kind=event.kind,
        account_label=event.account,
        correlation_id=event.correlation_id,
        error=BuriedError(error_class="GraphRefused", code="graph_refused", summary="Refused for good."),
        attempts=1,
    )


def test_an_answered_message_is_shown_as_the_interface_says():
    digest, lane = message_digest("aWdTEST"), uuid7()
    event = an_event(
        state="processed", lane=lane, message_digest=message_digest("aWdQUESTION"), attempts=1,
        happened_at=at(-1), finished_at=at(2), correlation_id="req.1",
    )  # fmt: skip
    a_reply(event, state="sent", sent_at=at(2), called_at=at(1), message_digest=digest)

    (one,) = shown([event])

    assert one == {
        "event_id": str(event.pk),
        "correlation_id": "req.1",
        "provider": "instagram",
        "kind": "message",
        "account": ACCOUNT,
        "conversation_id": str(lane),
        "message_id": message_digest("aWdQUESTION").hex,
        "state": "processed",
        "reason": None,
        "attempts": 1,
        "happened_at": "2026-03-01T08:59:59.000000Z",
        "received_at": "2026-03-01T09:00:00.000000Z",
        "finished_at": "2026-03-01T09:00:02.000000Z",
        "next_attempt_at": None,
        "waits_for": None,
        "waiting": None,
        "reply": {
            "state": "sent",
            "reason": None,
            "message_id": digest.hex,
            "sent_at": "2026-03-01T09:00:02.000000Z",
        },
        "dead_letters": [],
    }


def test_what_is_unknown_is_null():
    (one,) = shown([an_event(state="ignored", reason="empty", kind="empty", account="")])

    absent = ("account", "conversation_id", "message_id", "happened_at", "reply", "waits_for")
    assert [one[name] for name in absent] == [None] * len(absent)
    assert one["reason"] == "empty"


def test_only_an_event_that_is_retried_has_a_next_attempt():
    due = at(60)

    retrying, received = shown([an_event(state="retrying", claimable_at=due), an_event(claimable_at=due)])

    assert retrying["next_attempt_at"] == "2026-03-01T09:01:00.000000Z"
    assert received["next_attempt_at"] is None


def test_a_withheld_reply_says_why():
    event = an_event(state="processed")
    a_reply(event, state="withheld", reason="cooldown")

    (one,) = shown([event])

    assert one["reply"] == {"state": "withheld", "reason": "cooldown", "message_id": None, "sent_at": None}


def test_dead_letters_are_named_oldest_first():
    from dead_letters import review
    from dead_letters.models import DeadLetter

    event = an_event(state="dead")
    first = buried(event)
    review.resolve([first], reason="done", actor="anna")
    second = buried(event)
    DeadLetter.objects.filter(pk=first).update(created_at=at(-60))

    (one,) = shown([event])

    assert one["dead_letters"] == [str(first), str(second)]


def test_every_open_event_of_a_lane_waits_for_its_head_as_the_claim_sees_it():
    lane, other = uuid7(), uuid7()
    events = [an_event(lane=lane, order_at=at(n)) for n in (3, 1, 2)] + [an_event(lane=other)]

    waits = [one["waits_for"] for one in shown(events)]

    assert head_of(lane) == events[1].pk
    assert waits == [str(events[1].pk), None, str(events[1].pk), None]


def test_the_event_in_processing_is_the_head_whatever_came_before_it():
    lane = uuid7()
    older = an_event(lane=lane, order_at=at(0))
    busy = an_event(lane=lane, order_at=at(5), state="processing")

    first, second = shown([older, busy])

    assert head_of(lane) == busy.pk
    assert (first["waits_for"], second["waits_for"]) == (str(busy.pk), None)


def test_ties_in_a_lane_are_settled_by_arrival_and_place():
    lane = uuid7()
    events = [
        an_event(lane=lane, order_at=at(0), received_at=received, place=place)
        for received, place in ((at(2), 1), (at(1), 2), (at(1), 1))
    ]

    assert {one["waits_for"] for one in shown(events)} == {None, str(events[2].pk)}
    assert head_of(lane) == events[2].pk


def test_what_has_ended_waits_for_nothing():
    lane = uuid7()

    shown_ones = shown([an_event(lane=lane), an_event(lane=lane, state="dead")])

    assert [one["waits_for"] for one in shown_ones] == [None, None]


def test_a_hundred_events_cost_as_many_queries_as_one(django_assert_num_queries):
    lane = uuid7()
    events = [an_event(lane=lane, order_at=at(n)) for n in range(100)]
    a_reply(events[0], state="withheld", reason="human")

    with django_assert_num_queries(4):
        shown(events, timeline=True)


def test_no_event_costs_no_look_at_lanes_or_audit(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert shown(list(WebhookEvent.objects.none()), timeline=True) == []


# --- timeline ------------------------------------------------------------------------------------


def steps_of(event):
    (one,) = shown([event], timeline=True)
    return one["timeline"]


def told(event):
    return [step["what"] for step in steps_of(event)]


@pytest.mark.parametrize(
    ("action", "word"),
    [
        ("event.processed", "processed"),
        ("event.retrying", "retry.scheduled"),
        ("event.failed", "died"),
        ("event.handed_back", "handed_back"),
        ("event.parked", "parked"),
        ("event.released", "released"),
        ("event.ignored", "ignored"),
        ("event.replayed", "replayed"),
        ("lease.lost", "lease.lost"),
        ("dead_letter.resolved", "dead_letter.resolved"),
    ],
)
def test_each_act_has_its_word(action, word):
    event = an_event()
    record(action, subject_id=event.pk, attempt=2, detail={"code": "graph_failed"})

    received, act = steps_of(event)

    assert received["what"] == "received"
    assert received["detail"] == {"place": 1}
    assert (act["what"], act["attempt"], act["detail"]) == (word, 2, {"code": "graph_failed"})


def test_who_acted_and_why_is_not_told():
    event = an_event()
    record("event.replayed", subject_id=event.pk, actor="anna.schmidt", reason="Frau Meier rief an")

    said = json.dumps(shown([event], timeline=True))

    assert "anna" not in said
    assert "Meier" not in said


def test_a_detail_may_bear_any_name():
    event = an_event()
    record("event.parked", subject_id=event.pk, detail={"attempt": 3, "at": 4, "what": 5})

    assert steps_of(event)[1]["detail"] == {"attempt": 3, "at": 4, "what": 5}


def test_the_ledger_tells_what_became_of_the_reply():
    event = an_event(state="processed", lane=uuid7(), finished_at=at(3))
    a_reply(event, state="sent", created_at=at(1), called_at=at(1.5), sent_at=at(2), echoed_at=at(5),
            message_digest=message_digest("aWdREPLY"))  # fmt: skip

    steps = steps_of(event)

    assert [step["what"] for step in steps] == [
        "received", "reply.planned", "reply.sending", "reply.sent", "reply.echoed",
    ]  # fmt: skip
    assert steps[3]["detail"] == {"message_id": message_digest("aWdREPLY").hex}
    assert steps == sorted(steps, key=lambda step: datetime.fromisoformat(step["at"]))


FAILED = {"error_code": "graph_failed", "graph_code": 2, "graph_subcode": 99}


@pytest.mark.parametrize("state", ["planned", "sending", "undecided", "failed"])
def test_a_call_that_failed_says_how(state):
    event = an_event(lane=uuid7())
    a_reply(event, state=state, called_at=at(1), ended_at=at(2), **FAILED)

    (sending,) = [step for step in steps_of(event) if step["what"] == "reply.sending"]

    assert sending["detail"] == {"code": "graph_failed", "graph_code": 2, "graph_subcode": 99}


@pytest.mark.parametrize(
    "now",
    [
        {"state": "sending"},  # it runs, or its worker died
        {"state": "undecided"},
        {"state": "planned"},
        {"state": "sent", "sent_at": at(9)},
        {"state": "sent", "sent_at": at(9), "ended_at": at(8)},  # proved afterwards
    ],
)
def test_a_later_call_does_not_bear_the_error_of_an_earlier_one(now):
    event = an_event(lane=uuid7())
    a_reply(event, called_at=at(7), **FAILED, **now)
    record("event.retrying", subject_id=event.pk, attempt=1, detail={"code": "graph_failed", "graph_code": 2})

    steps = {step["what"]: step["detail"] for step in steps_of(event)}

    assert steps["reply.sending"] == {}
    assert steps["retry.scheduled"] == {"code": "graph_failed", "graph_code": 2}  # there it stays


def test_a_reply_that_was_never_to_leave_is_only_withheld():
    event = an_event(state="processed")
    a_reply(event, state="withheld", reason="shadow")

    assert told(event) == ["received", "reply.withheld"]


def test_a_claim_shows_since_when_and_until_when(settings):
    event = an_event(state="processing", claimable_at=at(100), attempts=1, fence=4)

    claimed = steps_of(event)[-1]

    assert (claimed["what"], claimed["attempt"]) == ("claimed", 2)
    assert claimed["at"] == f"2026-03-01T09:00:{100 - settings.WEBHOOKS.lease_s:02.0f}.000000Z"
    assert claimed["detail"]["lease_until"] == "2026-03-01T09:01:40.000000Z"
    assert claimed["detail"]["fence"] == 4

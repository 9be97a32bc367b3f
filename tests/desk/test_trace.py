"""Where is my message?"""

import io
import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit import record
from audit.ids import uuid7
from dead_letters.models import DeadLetter
from instagram_webhooks.desk import trace
from instagram_webhooks.models import Account
from instagram_webhooks.vault import message_digest
from tests.desk.builders import ACCOUNT, NINE, a_reply, an_event, at

pytestmark = pytest.mark.django_db
MESSAGE_ID = "aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3"


@pytest.fixture
def event():
    an_event(message_digest=message_digest("another"), lane=uuid7(), correlation_id="5f0c1-b.1")
    return an_event(message_digest=message_digest(MESSAGE_ID), lane=uuid7(), correlation_id="5f0c1-a.7")


def found(key):
    return [event.pk for event in trace.find(str(key)).events]


def test_a_message_is_found_by_meta_s_id_of_it(event):
    assert found(MESSAGE_ID) == [event.pk]


def test_a_message_is_found_by_the_digest_that_is_shown(event):
    assert found(event.message_digest.hex) == [event.pk]


def test_an_event_is_found_by_its_id(event):
    assert found(event.pk) == [event.pk]


def test_an_event_is_found_by_its_correlation_id(event):
    assert found("5f0c1-a.7") == [event.pk]


def test_an_event_is_found_by_its_dead_letter(event):
    letter = DeadLetter.objects.create(subject_id=event.pk, code="bug", attempts=1, subject_kind="x", cause_id=uuid7())

    assert found(letter.pk) == [event.pk]


def test_a_conversation_gives_all_its_events_oldest_first(event):
    later = an_event(conversation_id=event.conversation_id, kind="read", received_at=at(5), place=1)
    second = an_event(lane=event.conversation_id, place=2)

    assert found(event.conversation_id) == [event.pk, second.pk, later.pk]


def test_a_request_gives_its_own_events_only():
    own = [an_event(correlation_id=f"abc.{n}", place=n) for n in (1, 2, 10)]
    for other in ("abcd.1", "abc.1.1", "abc.x", "ab.1", "a%c.1", "a_c.1", "abc-1"):
        an_event(correlation_id=other)

    assert found("abc") == [event.pk for event in own]


@pytest.mark.parametrize("key", ["a%", "a_c", "%", "a.c", "[a-c]+", "a\\"])
def test_a_key_is_no_pattern(key):
    an_event(correlation_id="abc.1")

    assert found(key) == []


UNKNOWN_UUID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("key", ["", " ", "a\0b", "\udcff", "nothing-has-this-id", UNKNOWN_UUID, "x" * 5000])
def test_a_key_that_is_unknown_finds_nothing(event, key):
    Account.objects.create(provider="instagram", account_id="1")

    assert found(key) == []


@pytest.mark.parametrize("key", [ACCOUNT, "@shop_berlin"])
def test_an_account_gives_its_latest_events(event, key):
    Account.objects.create(provider="instagram", account_id=ACCOUNT, label="@shop_berlin")
    an_event(provider="facebook")

    assert len(found(key)) == 2


def test_an_account_that_was_never_connected_gives_what_waits_for_it_and_by_an_index():
    waits = an_event(state="parked", reason="unknown_account", account="42")
    an_event(state="parked", account="43")
    assert found("42") == [waits.pk]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    assert "event_parked" in trace.WebhookEvent.objects.filter(trace._of_account("42")).explain()


def test_of_very_many_events_the_latest_are_given(monkeypatch):
    monkeypatch.setattr(trace, "MOST", 3)
    lane = uuid7()
    events = [an_event(lane=lane, received_at=at(n)) for n in range(5)]

    result = trace.find(str(lane))

    assert result.is_cut
    assert [event.pk for event in result.events] == [event.pk for event in events[2:]]


def test_a_request_is_looked_up_in_an_index():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    (condition,) = [c for c in trace._conditions("abc") if "startswith" in str(c)]

    plan = trace.WebhookEvent.objects.filter(condition).explain()

    assert "event_correlation" in plan
    assert "~>=~ 'abc.'" in plan


def test_a_message_is_looked_up_in_the_index_of_keys():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")

    plan = trace.WebhookEvent.objects.filter(next(iter(trace._conditions(MESSAGE_ID)))).explain()

    assert "key >=" in plan.partition("Index Cond")[2].partition("\n")[0]


def test_another_message_that_begins_alike_is_not_shown(event):
    alike = uuid.UUID(bytes=event.message_digest.bytes[:8] + bytes(8))
    an_event(message_digest=alike)

    assert found(MESSAGE_ID) == [event.pk]


# --- the command ---------------------------------------------------------------------------------


def traced(*words):
    """What the command prints, what it says beside, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("trace", *words, stdout=out, stderr=err)
    except CommandError as failure:
        return out.getvalue(), err.getvalue() + str(failure), failure.returncode
    return out.getvalue(), err.getvalue(), 0


def test_json_holds_the_query_and_the_events_with_their_timelines(event):
    out, err, code = traced(MESSAGE_ID, "--json")

    printed = json.loads(out)
    assert (code, err, printed["query"]) == (0, "", MESSAGE_ID)
    assert [one["event_id"] for one in printed["events"]] == [str(event.pk)]
    assert printed["events"][0]["timeline"][0]["what"] == "received"


def test_json_of_nothing_is_printed_too():
    out, err, code = traced("nothing", "--json")

    assert (json.loads(out), code) == ({"query": "nothing", "events": []}, 1)
    assert "Nothing is known" in err


def test_where_nothing_ever_came_the_subscription_is_to_be_checked():
    out, err, code = traced("nothing")

    assert (out, code) == ("", 1)
    assert "No webhook was ever received" in err


def test_where_others_came_it_says_when_the_last_one_came(event):
    _, err, _ = traced("nothing")

    assert "2026-03-01 09:00:00 UTC" in err


def test_a_cut_list_says_so(monkeypatch):
    monkeypatch.setattr(trace, "MOST", 1)
    lane = uuid7()
    an_event(lane=lane), an_event(lane=lane, place=2)

    out, err, code = traced(str(lane), "--json")

    assert (len(json.loads(out)["events"]), code) == (1, 0)
    assert "latest 1" in err


def test_an_answered_message_is_told_with_the_time_its_sender_waited():
    event = an_event(state="processed", lane=uuid7(), attempts=1, finished_at=at(0.9), received_at=NINE)
    a_reply(event, state="sent", called_at=at(0.1), sent_at=at(0.9), echoed_at=at(3),
            message_digest=uuid7())  # fmt: skip

    out, _, _ = traced(str(event.pk))

    assert "Arrived 2026-03-01 09:00:00.000 UTC, answered 09:00:00.900 (0.9 s)." in out
    assert "Meta confirmed the answer by an echo at 09:00:03.000." in out
    assert "09:00:00.100  reply.sending" in out


def a_dead_one():
    event = an_event(state="dead", attempts=3)
    DeadLetter.objects.create(subject_id=event.pk, code="bug", attempts=3, subject_kind="x", cause_id=uuid7())
    return event


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (an_event, "ready and waits for a worker"),
        (lambda: an_event(state="processing", attempts=1), "A worker has it since 09:00:00.000, attempt 2."),
        (lambda: an_event(state="retrying", attempts=1, claimable_at=at(86400)),
         "It will be tried again at 2026-03-02 09:00:00.000, after 1 attempt."),
        (lambda: an_event(state="parked"), "Meta refused the account's token"),
        (lambda: an_event(state="parked", reason="odd"), "(odd)"),
        (lambda: an_event(state="ignored"), "It was ignored: no_handler."),
        (lambda: an_event(state="processed"), "It asked for no answer."),
        (a_dead_one, "It died after 3 attempts. Dead letter: "),
    ],
)  # fmt: skip
def test_each_state_is_told_in_a_sentence(make, said):
    out, _, code = traced(str(make().pk))

    assert code == 0
    assert said in out


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"state": "withheld", "reason": "human"}, "No answer was sent: a person had answered."),
        ({"state": "withheld", "reason": "night_rest"}, "No answer was sent: night_rest."),
        ({"state": "undecided"}, "Whether the answer was sent is not known"),
    ],
)
def test_what_became_of_the_answer_is_told(reply, said):
    event = an_event(state="processed")
    a_reply(event, **reply)

    assert said in traced(str(event.pk))[0]


def an_undecided_one(**now):
    """Dead, its reply in doubt when it died; `now`: what became of the reply."""
    event = an_event(state="dead", attempts=2, lane=uuid7(), finished_at=at(60))
    letter = {"subject_id": event.pk, "subject_kind": "x", "cause_id": uuid7()}
    DeadLetter.objects.create(code="reply_undecided", attempts=2, **letter)
    a_reply(event, state="sent", called_at=at(0.04), **now)
    record("event.failed", subject_id=event.pk, attempt=2, detail={"code": "reply_undecided"})
    return event


def test_an_answer_that_arrived_by_a_person_s_word_is_told_as_that():
    event = an_undecided_one(sent_at=at(0.04))
    record("reply.decided", subject_id=event.pk, actor="anna", reason="seen", detail={"decision": "arrived"})

    out, _, _ = traced(str(event.pk))

    assert "Arrived 2026-03-01 09:00:00.000 UTC. Whether the answer was sent was not known; a person decided at" in out
    assert " that it arrived. Nothing more will happen. Dead letter: " in out
    assert "died after" not in out
    assert "answered" not in out


def test_an_answer_that_an_echo_proved_is_told_as_that():
    event = an_undecided_one(sent_at=at(5), echoed_at=at(6), message_digest=uuid7())
    record("reply.proved", subject_id=event.pk, detail={"echo": str(uuid7())})

    out, _, _ = traced(str(event.pk))

    assert "answered 09:00:05.000 (5.0 s). Whether the answer was sent was not known; an echo proved at " in out
    assert " that it was. Nothing more will happen. Dead letter: " in out
    assert "died after" not in out


def test_an_answer_to_be_sent_again_by_a_person_s_word_settles_no_later_death():
    event = an_undecided_one(sent_at=at(9))
    record("reply.decided", subject_id=event.pk, actor="anna", reason="lost", detail={"decision": "send_again"})
    record("event.failed", subject_id=event.pk, attempt=3, detail={"code": "bug"})

    assert "It died after 2 attempts (bug)." in traced(str(event.pk))[0]


def test_a_replay_after_a_person_s_word_still_tells_of_it():
    event = an_event(state="processed", lane=uuid7(), finished_at=at(99))
    a_reply(event, state="sent", called_at=at(1), sent_at=at(1))
    record("reply.decided", subject_id=event.pk, actor="anna", reason="seen", detail={"decision": "arrived"})
    record("event.replayed", subject_id=event.pk, actor="anna", reason="again")

    assert "a person decided at" in traced(str(event.pk))[0]


def test_a_long_word_stands_apart_from_what_follows_it():
    event = an_event()
    record("dead_letter.replayed", subject_id=event.pk, detail={"code": "reply_undecided"})
    record("event.replayed", subject_id=event.pk, detail={"count": 1})

    lines = traced(str(event.pk))[0].splitlines()

    assert [line.split("  ")[-1] for line in lines[-2:]] == ["code reply_undecided", "count 1"]
    assert lines[-2].index("code") == lines[-1].index("count")


def test_an_event_that_stands_behind_another_names_it():
    lane = uuid7()
    head, event = an_event(lane=lane, place=1), an_event(lane=lane, place=2)

    assert f"It stands behind event {head.pk}" in traced(str(event.pk))[0]

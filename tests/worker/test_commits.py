"""The two commits of an answered message, of many at once: none of them is touched by another's fate."""

import contextlib
import threading
import time
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from django.db import OperationalError
from django.utils import timezone

from audit.ids import uuid7
from audit.models import AuditEntry
from instagram_webhooks import providers
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox.arrays import columns
from instagram_webhooks.inbox.line import Line, RowBusy
from instagram_webhooks.inbox.together import Together
from instagram_webhooks.models import Conversation, Message, OutgoingReply, WebhookEvent
from instagram_webhooks.vault import message_digest
from instagram_webhooks.worker import commits, taking, visit, work
from instagram_webhooks.worker.life import life
from tests.builders import ACCOUNT, PERSON, a_message, stored
from tests.processes.process import until

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def rows(monkeypatch):
    """What `begin` and `end` hand over, kept instead of written."""
    kept = []

    def keep(row):
        kept.append(row)
        return commits._End(is_ended=True)

    monkeypatch.setattr(commits, "_begun", keep)
    monkeypatch.setattr(commits, "_ended", keep)
    return kept


def claimed(*senders):
    events = stored(*[a_message(f"m-{sender}", f"hello {sender}", sender=sender) for sender in senders])
    return [taking.by_event(event.pk).claim for event in events]


def content_of(claim):
    return providers.content(claim.provider, claim.kind, work._opened(claim).payload)


def begun(rows, *claims):
    for claim in claims:
        commits.begin(claim, content_of(claim), f"re {claim.event_id}")
    taken, rows[:] = list(rows), []
    return taken


def ended(rows, claim, reply_id, message_id="mid-1"):
    commits.end(claim, reply_id, "re", message_id, sent_at=timezone.now())
    return rows.pop()


def are_ended(*ends):
    return [end.is_ended for end in commits._end_all(ends)]


def test_begun_it_stands_as_one_by_one_would_have_it(rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)

    assert commits._begin_all([row]) == [True]

    reply, message = OutgoingReply.objects.get(), Message.objects.get()
    assert (reply.id, reply.state, reply.event_id, reply.called_at is not None) == (
        row.reply_id, "sending", claim.event_id, True,
    )  # fmt: skip
    assert (message.author, message.message_digest, message.happened_at) == (
        "customer", claim.message_digest, claim.happened_at,
    )  # fmt: skip
    conversation = Conversation.objects.get()
    assert (conversation.account, conversation.last_message_at) == (ACCOUNT, claim.happened_at)


def test_a_claim_with_too_little_lease_for_a_call_is_not_plain(rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    WebhookEvent.objects.update(claimable_at=timezone.now() + timedelta(seconds=3))  # a call may take two, and slack

    assert commits._begin_all([row]) == [False]

    assert not OutgoingReply.objects.exists()


def test_a_claim_with_too_little_lease_has_it_renewed_and_is_answered(graph):
    (event,) = stored(a_message())
    claim = taking.by_event(event.pk).claim
    WebhookEvent.objects.update(claimable_at=timezone.now() + timedelta(seconds=3))

    work._settle(claim)

    assert len(graph.taken(PERSON)) == 1
    assert WebhookEvent.objects.get().state == "processed"


def test_a_stale_claim_leaves_nothing_also_beside_the_new_one_of_its_conversation(rows):
    (stale,) = claimed(PERSON)
    WebhookEvent.objects.update(claimable_at=stale.received_at)
    new = taking.by_event(stale.event_id).claim
    (other,) = claimed("9")
    of_stale, of_new, of_other = begun(rows, stale, new, other)

    assert commits._begin_all([of_stale, of_new, of_other]) == [False, True, True]

    assert set(OutgoingReply.objects.values_list("id", flat=True)) == {of_new.reply_id, of_other.reply_id}
    assert Message.objects.count() == 2


def test_a_claim_whose_lease_ran_out_begins_nothing(rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    WebhookEvent.objects.update(claimable_at=claim.received_at)

    assert commits._begin_all([row]) == [False]
    assert not Message.objects.exists()


def test_a_message_that_was_answered_already_is_not_plain(rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    commits._begin_all([row])

    assert commits._begin_all([replace(row, reply_id=uuid7())]) == [False]

    assert OutgoingReply.objects.get().id == row.reply_id
    assert Message.objects.count() == 1


def test_ended_it_stands_as_one_by_one_would_have_it(rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    commits._begin_all([row])
    end = ended(rows, claim, row.reply_id)

    assert are_ended(end) == [True]

    event, reply = WebhookEvent.objects.get(), OutgoingReply.objects.get()
    assert (event.state, event.attempts, event.starts, event.claimable_at) == ("processed", 1, 0, None)
    assert (reply.state, reply.message_digest, reply.sent_at is not None) == ("sent", message_digest("mid-1"), True)
    ours = Message.objects.get(author="service")
    assert (ours.message_digest, ours.event_id) == (message_digest("mid-1"), claim.event_id)
    assert Conversation.objects.get().last_reply_at == end.at
    entry = AuditEntry.objects.get(action="event.processed")
    assert (entry.subject_id, entry.attempt, entry.detail) == (claim.event_id, 1, {"fence": 1, "reply": "sent"})


def test_an_end_brings_the_next_of_its_lane_along(rows):
    first, second = stored(a_message("m-1"), a_message("m-2"))
    (other,) = claimed("9")
    claim = taking.by_event(first.pk).claim
    begins = begun(rows, claim, other)
    commits._begin_all(begins)
    with visit.begun():
        ends = [ended(rows, one, begin.reply_id, f"mid-{one.event_id}")
                for one, begin in zip((claim, other), begins, strict=True)]  # fmt: skip

    brought, nothing = commits._end_all(ends)

    following, alone = brought.following, claims.held(second.pk, fence=1)
    assert (nothing.is_ended, nothing.following) == (True, None)
    for name in claims.COLUMNS:
        assert getattr(following, name) == getattr(alone, name)
    assert following.seen.last_reply_at == ends[0].at  # the reply that this very statement notes
    assert following.seen.account is not None


@pytest.mark.parametrize("why", ["last", "stops", "alone"])
def test_whoever_does_not_go_on_with_a_lane_brings_nothing_along(why, rows):
    first, _ = stored(a_message("m-1"), a_message("m-2"))
    claim = taking.by_event(first.pk).claim

    with visit.begun() if why != "alone" else contextlib.nullcontext() as here:
        if why == "last":
            here.events = visit.MOST_IN_A_ROW
        elif why == "stops":
            life.stopping.set()
        end = ended(rows, claim, uuid7())

    assert end.next_of is None


@pytest.mark.parametrize("state", ["retrying", "parked"])
def test_what_waits_is_not_brought_along(state, rows):
    first, second = stored(a_message("m-1"), a_message("m-2"))
    claim = taking.by_event(first.pk).claim
    (begin,) = begun(rows, claim)
    commits._begin_all([begin])
    due_at = timezone.now() + timedelta(hours=1) if state == "retrying" else None
    WebhookEvent.objects.filter(pk=second.pk).update(state=state, claimable_at=due_at, reason="token")
    with visit.begun():
        end = ended(rows, claim, begin.reply_id)

    assert commits._end_all([end]) == [commits._End(is_ended=True)]


def test_an_end_of_a_stale_claim_leaves_nothing_and_spoils_no_other(rows):
    stale, other = claimed(PERSON, "9")
    of_stale, of_other = begun(rows, stale, other)
    commits._begin_all([of_stale, of_other])
    WebhookEvent.objects.filter(pk=stale.event_id).update(fence=7)
    ends = [ended(rows, stale, of_stale.reply_id, "mid-1"), ended(rows, other, of_other.reply_id, "mid-2")]

    assert are_ended(*ends) == [False, True]

    assert OutgoingReply.objects.get(pk=of_stale.reply_id).state == "sending"
    assert Message.objects.filter(author="service").count() == 1
    assert AuditEntry.objects.filter(action="event.processed").count() == 1
    assert Conversation.objects.get(pk=stale.conversation_id).last_reply_at is None


def test_an_end_takes_over_the_row_that_an_early_echo_made(rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    commits._begin_all([row])
    Message.objects.create(
        conversation_id=claim.conversation_id, author="person", kind="echo",
        message_digest=message_digest("mid-1"), happened_at=timezone.now(),
    )  # fmt: skip

    commits._end_all([ended(rows, claim, row.reply_id)])

    assert set(Message.objects.values_list("author", flat=True)) == {"customer", "service"}


@pytest.mark.parametrize("table", ["conversation", "webhookevent"])
def test_a_row_that_somebody_holds_holds_up_no_neighbour(table, rows, own_database, monkeypatch):
    held, free = claimed(PERSON, "9")
    begins = begun(rows, held, free)
    commits._begin_all(begins)
    ends = [
        ended(rows, claim, row.reply_id, f"mid-{claim.event_id}")
        for claim, row in zip((held, free), begins, strict=True)
    ]
    name, key = ("id", held.conversation_id) if table == "conversation" else ("event_id", held.event_id)
    both_wait, found = threading.Event(), {}

    def act(given):
        both_wait.wait(10)
        return are_ended(*given)

    together = Together(act)

    def end(row):
        try:
            found[row.event_id] = together(row)
        except RowBusy as exc:
            found[row.event_id] = exc

    with psycopg.connect(own_database) as somebody:
        somebody.execute(f"SELECT FROM instagram_webhooks_{table} WHERE {name} = %s FOR UPDATE", [key])
        threads = [threading.Thread(target=end, args=[row]) for row in ends]
        for thread in threads:
            thread.start()
        both_wait.set()
        begun_at = time.monotonic()
        for thread in threads:
            thread.join(30)
        took_s = time.monotonic() - begun_at

    assert (type(found[held.event_id]), found[free.event_id]) == (RowBusy, True)
    assert took_s < 5


@pytest.mark.parametrize("step", ["begin", "end"])
def test_the_event_is_locked_before_its_conversation_and_that_before_its_messages(
    step, rows, own_database, monkeypatch
):
    """As everybody locks them; PostgreSQL orders the parts of one statement as it likes."""
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    Conversation.objects.create(id=claim.conversation_id, provider="instagram", account=ACCOUNT, sealed_partner=b"")
    digest, act = claim.message_digest, lambda: commits._begin_all([row])
    if step == "end":
        commits._begin_all([row])
        last, digest = ended(rows, claim, row.reply_id), message_digest("mid-1")
        act = lambda: are_ended(last)  # noqa: E731
    monkeypatch.setattr(commits, "line", Line(lock_wait_ms=20_000))
    found = []

    with psycopg.connect(own_database) as somebody, psycopg.connect(own_database, autocommit=True) as other:
        somebody.execute(
            "SELECT FROM instagram_webhooks_conversation WHERE id = %s FOR UPDATE", [claim.conversation_id]
        )
        waiting = threading.Thread(target=lambda: found.append(act()))
        waiting.start()
        locks = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: other.execute(locks).rowcount > 0, what="the statement waits for the conversation")
        other.execute("SET lock_timeout = '2s'")
        other.execute(
            "INSERT INTO instagram_webhooks_message"
            " (id, conversation_id, author, kind, message_digest, edit_number, happened_at)"
            " VALUES (%s, %s, 'person', 'echo', %s, 0, now())",
            [uuid7(), claim.conversation_id, digest],
        )
        free = "SELECT FROM instagram_webhooks_webhookevent WHERE event_id = %s FOR UPDATE SKIP LOCKED"
        assert other.execute(free, [claim.event_id]).rowcount == 0
        somebody.rollback()
        waiting.join(10)

    assert found == [[True]]


def test_a_claim_that_is_lost_is_told_to_its_slot():
    (claim,) = claimed(PERSON)
    WebhookEvent.objects.update(fence=7)

    assert commits.begin(claim, content_of(claim), "re") is None
    assert not commits.end(claim, uuid7(), "re", "mid-1", sent_at=timezone.now())


@pytest.mark.parametrize(
    ("errors", "may_hold_more"),
    [
        ([RowBusy()], False),  # a row that somebody holds: nothing was written, and no other slot has to look
        ([OperationalError(), RowBusy()], True),
        ([MemoryError()], True),
    ],
)
def test_an_end_whose_answer_was_lost_may_have_claimed_more(errors, may_hold_more, monkeypatch):
    (claim,) = claimed(PERSON)
    left = list(errors)

    def fails(_row):
        raise left.pop(0)

    monkeypatch.setattr(commits, "_ended", fails)
    monkeypatch.setattr(life, "may_hold_more", False)

    with contextlib.suppress(MemoryError):
        assert not commits.end(claim, uuid7(), "re", "mid-1", sent_at=timezone.now())

    assert (life.may_hold_more, left) == (may_hold_more, [])


def test_a_row_that_changes_under_its_end_is_ended_one_by_one(graph, monkeypatch):
    (event,) = stored(a_message())
    monkeypatch.setattr(commits, "_ended", lambda row: commits._End(is_ended=False))

    work.process(event.pk)

    event.refresh_from_db()
    assert (event.state, OutgoingReply.objects.get().state, len(graph.taken(PERSON))) == ("processed", "sent", 1)


@pytest.mark.parametrize("is_end", [False, True])
def test_the_plans_read_indexes_only(is_end, line_plan, rows):
    (claim,) = claimed(PERSON)
    (row,) = begun(rows, claim)
    statement, kinds = commits._BEGIN, commits._BEGUN_KINDS
    if is_end:
        row = ended(rows, claim, row.reply_id)
        statement, kinds = commits._END, commits._ENDED_KINDS

    more = {"left_s": 4.0, "worker": uuid7(), "lease": 30.0}
    plan = line_plan(commits.line, statement, columns([row], kinds) | more)

    assert "Seq Scan" not in plan
    assert "Hash Join" not in plan
    for index_of_all in ("event_claimable", "event_longest_open"):  # all that is due or open: nothing, when planned
        assert index_of_all not in plan

"""What two workers, a rescue or a person may do in the middle of a piece of work."""

import contextlib
import itertools
from datetime import timedelta

import psycopg
import pytest
from django.db import InternalError, OperationalError, transaction
from django.utils import timezone

from dead_letters.models import DeadLetter
from instagram_webhooks import tasks
from instagram_webhooks.errors import Permanent, SendInFlight, TokenRefused
from instagram_webhooks.events import Content
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish, moves
from instagram_webhooks.inbox.finish import FencedOut
from instagram_webhooks.inbox.sweep import sweep
from instagram_webhooks.models import Account, Conversation, Message, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import echoes, outbox, pause
from instagram_webhooks.replies.first_account import ensure_first_account
from instagram_webhooks.vault import seal_text
from instagram_webhooks.worker import commits, outcomes, taking, transactions, visit, work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.recent import Recent
from instagram_webhooks.worker.retries import TryAgain
from tests.builders import PERSON, a_message, an_echo, an_item, knobs, now_ms, stored
from tests.processes.process import until
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def claimed(event):
    return claims.claim(event.pk, worker_id=life.worker_id)


def test_a_claim_that_was_rescued_begins_no_call_though_nobody_has_taken_it_yet(graph):
    (event,) = stored(a_message())
    claim = claimed(event)
    WebhookEvent.objects.update(claimable_at=timezone.now() - timedelta(seconds=1))

    work._settle(claim)

    event.refresh_from_db()
    assert (event.state, graph.calls(), OutgoingReply.objects.count()) == ("processing", [], 0)


@pytest.mark.parametrize("at", ["by_event", "by_lane", "end"])
def test_a_claim_whose_answer_was_lost_does_not_wait_for_its_lease(at, graph, monkeypatch):
    events = stored(a_message("m-1", "one"), a_message("m-2", "two"))
    monkeypatch.setattr(visit, "LONGEST_S", 60.0)  # also where others use this machine
    where, name = (commits, "_ended") if at == "end" else (taking, at)
    if at == "by_lane":
        monkeypatch.setattr(visit, "current", lambda: None)  # so that no end brings it along
    act, lost = getattr(where, name), []

    def answer_is_lost(asked):
        found = act(asked)
        if not lost:
            lost.append(found.following if at == "end" else found.claim)
            raise OperationalError("the connection broke")
        return found

    monkeypatch.setattr(where, name, answer_is_lost)
    work.process(events[0].pk)

    assert [call.text for call in graph.taken()] == ["re one", "re two"]
    assert [claim.event_id for claim in lost] == [events[0 if at == "by_event" else 1].pk]
    assert set(WebhookEvent.objects.values_list("state", flat=True)) == {"processed"}


def test_the_commit_of_sending_begins_the_lease_anew():
    (event,) = stored(a_message())
    claim = claimed(event)
    WebhookEvent.objects.update(claimable_at=timezone.now() + timedelta(seconds=2))

    with transaction.atomic():
        finish.renew(claim)

    event.refresh_from_db()
    assert event.claimable_at > timezone.now() + timedelta(seconds=20)


def test_a_lease_that_ran_out_is_not_renewed():
    (event,) = stored(a_message())
    claim = claimed(event)
    WebhookEvent.objects.update(claimable_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(FencedOut), transaction.atomic():
        finish.renew(claim)


def test_an_echo_that_comes_while_the_send_ends_is_not_taken_for_a_persons(monkeypatch):
    (message,) = stored(a_message())
    work.process(message.pk)
    OutgoingReply.objects.update(state="sending", sent_at=None, message_digest=None)
    (echo,) = stored(an_echo("m-ours", "re hello"), correlation_id="request-2")
    confirm = outbox.confirm_by_echo

    def send_ends_after_the_question(digest):
        found = confirm(digest)
        OutgoingReply.objects.update(state="sent", sent_at=timezone.now(), message_digest=digest)
        return found

    monkeypatch.setattr(outbox, "confirm_by_echo", send_ends_after_the_question)
    with pytest.raises(SendInFlight), transaction.atomic():
        echoes.settle(claimed(echo), Content(partner=PERSON))

    assert Conversation.objects.get().last_human_at is None


def test_a_refusal_of_an_old_token_does_not_park_the_account_with_its_new_one(shop):
    old = pause.find(shop.provider, shop.account_id)
    shop.set_token("a newer token")
    shop.save()

    with transaction.atomic():
        pause.park(old, TokenRefused())

    shop.refresh_from_db()
    assert shop.state == "active"


def test_a_token_of_the_settings_is_taken_over_once_and_makes_the_account_active(shop):
    Account.objects.update(state="token")
    with knobs(first_account_id=shop.account_id, first_account_token="from the settings"):
        ensure_first_account()
        shop.refresh_from_db()
        assert (shop.token(), shop.state) == ("from the settings", "active")

        shop.set_token("from the admin")
        shop.save()
        ensure_first_account()

    shop.refresh_from_db()
    assert shop.token() == "from the admin"


class Wordless(Permanent):
    code = "Not A Code: +49 151 2345"


def test_an_error_of_a_policy_without_words_or_a_code_still_buries_its_event():
    (event,) = stored(a_message())
    claim = claimed(event)

    outcomes.failed(claim, Wordless(phone="+49 151 2345"))

    letter = DeadLetter.objects.get()
    assert (letter.error_class, letter.code) == ("Wordless", "malformed_code")
    assert "151" not in letter.summary


def test_a_policy_cannot_park_an_account(shop):
    (event,) = stored(a_message())

    with knobs(reply_policy="tests.policies.parking"):
        worked(event)

    shop.refresh_from_db()
    assert (event.state, shop.state) == ("dead", "active")


def test_a_reply_under_way_when_its_event_dies_of_a_bug_holds_up_no_echo(graph):
    (event,) = stored(a_message())
    work.process(event.pk)
    OutgoingReply.objects.update(state="sending", sent_at=None, message_digest=None)
    WebhookEvent.objects.update(state="received", finished_at=None, claimable_at=timezone.now())

    outcomes.failed(claimed(event), ValueError())

    assert OutgoingReply.objects.get().state == "undecided"


def test_a_reaction_waits_for_the_message_that_it_is_about():
    now = now_ms()
    message, reaction = stored(
        a_message("m-1", timestamp=now),
        an_item(reaction={"mid": "m-1", "action": "react", "emoji": "x"}, timestamp=now + 1),
    )

    worked(reaction)

    message.refresh_from_db()
    assert message.state == "processed"
    assert Message.objects.get(author="customer").sealed_reaction is not None


def test_a_time_far_ahead_moves_no_deadline(graph):
    (event,) = stored(a_message(timestamp=now_ms() + 10 * 365 * 24 * 3600 * 1000))

    assert event.happened_at == event.received_at


def test_a_claim_lost_in_an_outage_is_given_back_once_the_database_answers(monkeypatch):
    (event,) = stored(a_message())
    take = taking.by_event

    def claimed_and_then_away(name):
        take(name)
        monkeypatch.setattr(moves, "give_back", away)
        raise OperationalError("the server ends")

    def away(*_args, **_more):
        raise OperationalError("the server starts")

    give_back = moves.give_back
    monkeypatch.setattr(taking, "by_event", claimed_and_then_away)
    with pytest.raises(OperationalError):
        work.process(event.pk)
    monkeypatch.setattr(moves, "give_back", give_back)

    offered = []
    monkeypatch.setattr(work.wake_ups, "offer", offered.extend)

    work.give_back_unknown()

    event.refresh_from_db()
    assert (event.state, life.may_hold_more, offered) == ("received", False, [event.pk])


def test_an_answer_that_is_lost_while_claims_are_given_back_is_not_forgotten(monkeypatch):
    def loses_another(*_args, **_more):
        life.may_hold_more = True
        return [], True

    monkeypatch.setattr(life, "may_hold_more", True)
    monkeypatch.setattr(moves, "give_back_unknown", loses_another)

    work.give_back_unknown()

    assert life.may_hold_more


def test_claims_that_nobody_knows_of_are_looked_for_again_after_a_while_where_a_row_was_locked(monkeypatch):
    looks = []
    monkeypatch.setattr(life, "may_hold_more", True)
    monkeypatch.setattr(life, "looks_again_at", 0.0)
    monkeypatch.setattr(work, "LOOK_AGAIN_S", 0.2)
    monkeypatch.setattr(moves, "give_back_unknown", lambda *_args, **_more: (looks.append(1) or [], len(looks) > 1))

    work.give_back_unknown()
    work.give_back_unknown()
    assert (looks, life.may_hold_more) == ([1], True)

    until(lambda: work.give_back_unknown() or len(looks) > 1, "it is looked again")
    assert not life.may_hold_more


@pytest.mark.parametrize("error", [OperationalError, SystemExit])
def test_a_look_for_them_that_came_to_no_end_is_made_again_at_once(monkeypatch, error):
    errors = [error()]

    def fails_once(*_args, **_more):
        if errors:
            raise errors.pop()
        return [], True

    monkeypatch.setattr(life, "may_hold_more", True)
    monkeypatch.setattr(life, "looks_again_at", 0.0)
    monkeypatch.setattr(moves, "give_back_unknown", fails_once)

    with pytest.raises(error):
        work.give_back_unknown()
    assert life.may_hold_more
    work.give_back_unknown()

    assert not life.may_hold_more


def test_a_locked_row_holds_up_neither_a_claim_nor_the_sweep_of_the_others(own_database):
    mine, others = stored(a_message("m-1")), stored(a_message("m-2", sender="6120000000000043"))
    WebhookEvent.objects.update(dispatched_at=None)
    offered = []
    with psycopg.connect(own_database) as somebody:
        somebody.execute("SELECT 1 FROM instagram_webhooks_webhookevent WHERE event_id = %s FOR UPDATE", [mine[0].pk])

        sweep(offered.extend, depth=lambda: None)
        claim = claimed(mine[0])

    assert (claim, offered) == (None, [others[0].pk])


def test_a_deleted_message_whose_reply_may_have_left_is_looked_up_and_not_answered_again(graph):
    (event,) = stored(a_message())
    graph.script(PERSON, ["reset-after"])
    with contextlib.suppress(TryAgain):
        work.process(event.pk)
    Message.objects.update(deleted_at=timezone.now())
    WebhookEvent.objects.update(claimable_at=timezone.now())

    worked(event)

    reply = OutgoingReply.objects.get()
    assert (event.state, reply.state, len(graph.taken())) == ("processed", "sent", 1)


def test_a_late_replay_of_an_undecided_reply_that_never_left_withholds_it(monkeypatch):
    (event,) = stored(a_message())
    with knobs(reply_settle_s=0.0):
        work.process(event.pk)
        long_ago = timezone.now() - timedelta(days=2)
        WebhookEvent.objects.update(state="received", finished_at=None, claimable_at=timezone.now(),
                                    happened_at=long_ago)  # fmt: skip
        OutgoingReply.objects.update(state="undecided", sent_at=None, message_digest=None, called_at=long_ago,
                                     ended_at=long_ago, absent_at=long_ago)  # fmt: skip
        OutgoingReply.objects.update(sealed_text=seal_text("never sent", place=OutgoingReply.PLACE,
                                                           row_id=OutgoingReply.objects.get().pk))  # fmt: skip
        monkeypatch.setattr(commits, "processed_here", Recent())  # no move brings a processed event back, but this test
        worked(event)

    reply = OutgoingReply.objects.get()
    assert (event.state, reply.state, reply.reason) == ("processed", "withheld", "window_closed")


def test_an_echo_that_proves_a_reply_is_seen_before_it_is_sent_again_by_a_persons_word(graph):
    (event,) = stored(a_message())
    graph.script(PERSON, ["reset-after"])
    with contextlib.suppress(TryAgain):
        work.process(event.pk)
    OutgoingReply.objects.update(state="planned")
    WebhookEvent.objects.update(claimable_at=timezone.now())
    stored(an_echo("m-ours", "re hello"), correlation_id="request-2")

    worked(event)

    assert (event.state, OutgoingReply.objects.get().state, len(graph.taken())) == ("processed", "sent", 1)


@pytest.mark.parametrize("error", [OperationalError, InternalError])
def test_what_the_database_does_is_no_outcome_and_is_not_tried_again_at_once(error, monkeypatch):
    (event,) = stored(a_message())

    def fails(*_args, **_more):
        raise error("terminating connection due to idle-in-transaction timeout")

    monkeypatch.setattr(pause, "of", fails)
    worked(event)

    assert (event.state, event.attempts, event.starts) == ("retrying", 0, 0)
    assert event.claimable_at > timezone.now()
    assert not DeadLetter.objects.exists()


def away(monkeypatch, *, times, then=lambda: None):
    """The database fails so often under the end of an event; `then` happens after the second."""
    monkeypatch.setattr(transactions, "AGAIN_S", 0.01)
    ended, failures = commits._ended, itertools.count(1)

    def fails(row):
        number = next(failures)
        if number == 2:
            then()
        if number <= times:
            raise OperationalError("the database system is starting up")
        return ended(row)

    monkeypatch.setattr(commits, "_ended", fails)


def test_a_slot_whose_database_goes_away_after_its_reply_was_sent_keeps_what_it_knows(graph, monkeypatch):
    (event,) = stored(a_message())
    away(monkeypatch, times=6)

    worked(event)

    assert (event.state, event.attempts) == ("processed", 1)
    assert [call.edge for call in graph.calls()] == ["messages"]  # known, so not looked up


@pytest.mark.parametrize(("is_stopping", "state"), [(False, "processed"), (True, "received")])
def test_a_wake_up_is_not_spent_on_an_outage(is_stopping, state, monkeypatch):
    monkeypatch.setattr(transactions, "AGAIN_S", 0.01)
    (event,) = stored(a_message())
    take, failures = taking.by_event, itertools.count(1)

    def claim(name):
        if next(failures) <= 5:
            if is_stopping:
                life.stopping.set()
            raise OperationalError("the database system is starting up")
        return take(name)

    monkeypatch.setattr(taking, "by_event", claim)
    tasks.process_event(str(event.pk))

    event.refresh_from_db()
    assert event.state == state


def test_a_worker_that_stops_waits_for_no_database(graph, monkeypatch):
    (event,) = stored(a_message())
    away(monkeypatch, times=6, then=life.stopping.set)

    worked(event)

    assert event.state == "retrying"  # given up where the database answers by now, else left to the lease
    assert OutgoingReply.objects.get().state == "sending"


def test_a_policy_whose_own_database_fails_uses_up_its_attempts():
    (event,) = stored(a_message())
    with knobs(reply_policy="tests.policies.without_its_database", max_attempts=2):
        worked(event)
        assert (event.state, event.attempts) == ("retrying", 1)
        worked(event)

    assert (event.state, DeadLetter.objects.get().code) == ("dead", "policy_store_failed")

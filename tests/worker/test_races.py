"""What two workers, a rescue or a person may do in the middle of a piece of work."""

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from dead_letters.models import DeadLetter
from instagram_webhooks.errors import Permanent, SendInFlight, TokenRefused
from instagram_webhooks.events import Content
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish
from instagram_webhooks.inbox.finish import FencedOut
from instagram_webhooks.models import Account, Conversation, Message, OutgoingReply, WebhookEvent
from instagram_webhooks.replies import echoes, outbox, pause
from instagram_webhooks.worker import outcomes, work
from instagram_webhooks.worker.life import life
from tests.builders import PERSON, a_message, an_echo, an_item, knobs, now_ms, stored
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


@pytest.mark.parametrize("at", ["claim", "claim_next"])
def test_a_claim_whose_answer_was_lost_does_not_wait_for_its_lease(at, graph, monkeypatch):
    events = stored(a_message("m-1", "one"), a_message("m-2", "two"))
    take, lost = getattr(claims, at), []

    def answer_is_lost(name, *, worker_id):
        claim = take(name, worker_id=worker_id)
        if not lost:
            lost.append(claim.event_id)
            raise OperationalError("the connection broke")
        return claim

    monkeypatch.setattr(claims, at, answer_is_lost)
    work.process(events[0].pk)

    assert [call.text for call in graph.taken()] == ["re one", "re two"]
    assert lost == [events[0 if at == "claim" else 1].pk]
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
        pause.ensure_first_account()
        shop.refresh_from_db()
        assert (shop.token(), shop.state) == ("from the settings", "active")

        shop.set_token("from the admin")
        shop.save()
        pause.ensure_first_account()

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

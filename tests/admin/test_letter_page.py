"""The page of one dead letter: what happened, what a replay would do, and where to look."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from audit.log import record
from dead_letters import review
from dead_letters.bury import BuriedError, bury
from dead_letters.models import DeadLetter
from instagram_webhooks.models import Conversation, EventPayload, OutgoingReply, WebhookEvent
from instagram_webhooks.replies.proof import AnsweredEvent
from tests.admin.pages import said, shown
from tests.builders import PERSON, a_message, an_account, stored

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.fixture
def ops(login):
    rights = ("view_deadletter", "act_on_deadletter", "view_cause", "view_auditentry")
    return login(*rights, "view_webhookevent", "view_conversation", "view_account")


def address(letter):
    return f"/admin/dead_letters/deadletter/{letter.pk}/change/"


def dead(*, code="graph_failed", attempts=1, **columns):
    """A letter of an event that died of this."""
    (event,) = stored(a_message("m-1", "canary words of a customer"))
    WebhookEvent.objects.filter(pk=event.pk).update(
        state="dead", claimable_at=None, finished_at=timezone.now(), attempts=attempts, **columns
    )
    letter = bury(
        subject_kind="instagram_webhooks.event", subject_id=event.pk, lane=event.lane, order_at=event.order_at,
        provider=event.provider, kind=event.kind, account_label=event.account, correlation_id=event.correlation_id,
        error=BuriedError(error_class="GraphFailed", code=code, summary="The Graph API failed."), attempts=attempts,
    )  # fmt: skip
    return event, DeadLetter.objects.get(pk=letter)


def replied(event, state, **more):
    facts = {"reply_key": uuid7(), "conversation_id": event.conversation_id, "called_at": timezone.now()} | more
    OutgoingReply.objects.create(
        event_id=event.pk, provider=event.provider, account=event.account, state=state, **facts
    )


def test_a_failure_that_passes_is_said_to_be_safe_to_replay_with_how_often_and_how_long(ops):
    event, letter = dead(attempts=3)
    for n, action in enumerate(("event.retrying", "event.retrying", "event.failed")):
        record(action, subject_id=event.pk, attempt=n + 1, detail={"status": 503, "code": "graph_failed"})

    told = shown(ops, address(letter))

    said = "Failed 3 times over 0 s, last 503. Nothing was answered, and such a failure passes by itself: it is safe"
    assert said in told
    assert told.count("failed, to be tried again") == 2


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("bug", "a replay helps after a release that mends it"),
        ("graph_refused", "a replay fails again until what it refused is put right"),
        ("payload_seal_broken", "put the missing key back"),
        ("set_aside", "a replay brings it back"),
        ("something_new", "a replay tries it again from the start"),
        ("worker_killer", "a replay does so again"),
    ],
)
def test_what_does_not_pass_is_told_with_what_helps(ops, code, advice):
    _, letter = dead(code=code)

    told = shown(ops, address(letter))

    assert advice in told
    assert "safe to replay" not in told


def test_what_was_answered_is_not_answered_again(ops):
    event, letter = dead()
    replied(event, "sent", sent_at=timezone.now(), message_digest=uuid7())

    assert "Already answered: a replay sends nothing." in shown(ops, address(letter))


def test_a_reply_that_nobody_knows_of_asks_for_a_person_and_offers_both_answers(ops):
    event, letter = dead(code="reply_undecided")
    replied(event, "undecided")

    told = shown(ops, address(letter))

    assert "Look into the conversation in Meta" in told
    assert "Whether it was answered is not known: a replay looks it up first" in told
    assert "It arrived…" in told
    assert "Send again…" in told


def test_after_the_reply_window_a_replay_only_stores(ops):
    _, letter = dead(happened_at=timezone.now() - timedelta(hours=30))

    told = shown(ops, address(letter))
    assert "a replay cannot answer it." in told
    assert "safe to replay" not in told


@pytest.mark.parametrize("code", ["payload_seal_broken", "worker_killer"])
def test_what_helps_is_said_first_however_old_the_message_is(ops, code):
    _, letter = dead(code=code, happened_at=timezone.now() - timedelta(hours=30))

    told = shown(ops, address(letter))

    advice = "put the missing key back" if code == "payload_seal_broken" else "a replay does so again"
    assert told.index(advice) < told.index("a replay cannot answer it")


@pytest.mark.parametrize("state", ["planned", "failed"])
def test_an_answer_that_was_decided_goes_out_word_for_word_and_is_not_called_safe(ops, state):
    event, letter = dead()
    replied(event, state)
    Conversation.objects.create(
        id=event.conversation_id, provider="instagram", account=event.account, last_human_at=timezone.now()
    )

    told = shown(ops, address(letter))

    assert "A replay sends the answer that was decided then, word for word" in told
    assert "A person has answered in the conversation since." in told
    assert "safe to replay" not in told


def test_a_withheld_answer_stays_withheld(ops):
    event, letter = dead()
    replied(event, "withheld", reason="human")

    assert "Its answer was withheld: a replay sends nothing." in shown(ops, address(letter))


def test_only_what_came_after_the_last_replay_is_told(ops):
    event, letter = dead(attempts=1)
    record("event.failed", subject_id=event.pk, attempt=3, detail={"status": 500})
    record("event.replayed", subject_id=event.pk)
    record("event.failed", subject_id=event.pk, attempt=1, detail={"status": 503})

    assert "Failed at the first attempt, last 503." in shown(ops, address(letter))


def test_what_was_set_aside_untried_is_not_said_to_have_failed(ops):
    _, letter = dead(code="set_aside", attempts=0)

    told = shown(ops, address(letter))

    assert "It was tried not once. A person set it aside" in told
    assert "Failed at" not in told


def test_whoever_may_only_see_letters_gets_no_link_that_is_refused_and_no_timeline(login):
    an_account()
    _, letter = dead()

    page = login("view_deadletter").get(address(letter), secure=True).content.decode()

    for word in ("webhookevent", "conversation/", "account/", "/cause/", "auditentry", "What happened"):
        assert word not in page, word


def test_what_cannot_come_back_says_why(ops):
    event, letter = dead()
    EventPayload.objects.filter(pk=event.pk).delete()

    assert "Its payload is gone, so there is nothing to process. " in shown(ops, address(letter))


def test_what_cannot_come_back_is_said_within_a_sentence_after_an_act(ops):
    event, letter = dead()
    EventPayload.objects.filter(pk=event.pk).delete()
    review.discard([letter.pk], reason="r", actor="anna")

    given = {"id": str(letter.pk), "reason": "r"}
    page = ops.post("/admin/dead_letters/deadletter/act/reopen/", given, secure=True, follow=True)

    (message,) = said(page)
    assert message == "0 reopened, 1 skipped: its payload is gone, so there is nothing to process."


def test_a_closed_letter_says_who_closed_it_and_how_its_event_stands(ops):
    _, letter = dead()
    review.discard([letter.pk], reason="A test of ours.", actor="anna")

    told = shown(ops, address(letter))

    assert "It was discarded by anna. Its event is dead now." in told
    assert "A test of ours." in told


ADVICE = "What to do"


def replayed_and_processed():
    """A letter whose event was replayed, and is processed by now."""
    event, letter = dead()
    review.replay([letter.pk], reason="Meta is back.", actor="anna")
    WebhookEvent.objects.filter(pk=event.pk).update(state="processed", claimable_at=None, finished_at=timezone.now())
    return event, letter


def test_advice_stands_on_the_page_of_a_letter_while_it_is_open(ops):
    _, letter = dead()
    assert ADVICE in shown(ops, address(letter))

    review.replay([letter.pk], reason="r", actor="anna")

    told = shown(ops, address(letter))
    assert "It was replayed by anna. Its event is received now." in told
    assert ADVICE not in told


def test_a_replayed_letter_says_whether_its_event_was_answered(ops):
    event, letter = replayed_and_processed()
    assert "Its event is processed now. It asked for no answer." in shown(ops, address(letter))

    replied(event, "sent", sent_at=timezone.now().replace(2026, 3, 1, 9, 0, 2, 500000), message_digest=uuid7())

    told = shown(ops, address(letter))
    assert "Its event is processed now. Its answer was sent at 2026-03-01 09:00:02.500 UTC." in told
    assert ADVICE not in told


def test_a_replayed_letter_says_why_its_event_was_not_answered(ops):
    event, letter = replayed_and_processed()
    replied(event, "withheld", reason="human")

    assert "Its event is processed now. No answer was sent: a person had answered." in shown(ops, address(letter))


def test_a_replayed_letter_whose_event_died_again_names_the_letter_of_that_death(ops):
    event, letter = dead()
    review.replay([letter.pk], reason="r", actor="anna")
    WebhookEvent.objects.filter(pk=event.pk).update(state="dead", claimable_at=None, finished_at=timezone.now())
    error = BuriedError(error_class="GraphFailed", code="graph_failed", summary="The Graph API failed.")
    second = bury(subject_kind="instagram_webhooks.event", subject_id=event.pk, lane=event.lane,
                  order_at=event.order_at, provider=event.provider, kind=event.kind, account_label=event.account,
                  correlation_id=event.correlation_id, error=error, attempts=1)  # fmt: skip

    assert f"It died again, as dead letter {second} tells." in shown(ops, address(letter))


def test_the_button_that_only_leaves_a_letter_does_not_say_that_it_closes_it(ops):
    _, letter = dead()

    for page in (address(letter), f"/admin/dead_letters/cause/{letter.cause_id}/change/"):
        html = ops.get(page, secure=True).content.decode()
        assert re.findall(r'class="closelink">([^<]+)<', html) == ["Back"]


def test_a_letter_leads_to_its_event_conversation_account_cause_and_audit(ops):
    account = an_account()
    event, letter = dead()
    Conversation.objects.create(id=event.conversation_id, provider="instagram", account=event.account)

    page = ops.get(address(letter), secure=True).content.decode()

    links = set(re.findall(r'href="([^"]+)"', page))
    assert {
        f"/admin/instagram_webhooks/webhookevent/{event.pk}/change/",
        f"/admin/instagram_webhooks/conversation/{event.conversation_id}/change/",
        f"/admin/instagram_webhooks/account/{account.pk}/change/",
        f"/admin/dead_letters/cause/{letter.cause_id}/change/",
        f"/admin/audit/auditentry/?q={event.pk}",
    } <= links
    assert "canary" not in page
    assert PERSON not in page


def test_a_letter_whose_event_is_gone_has_a_page(ops):
    event, letter = dead()
    WebhookEvent.objects.filter(pk=event.pk).delete()

    assert "Its event is not stored any more." in shown(ops, address(letter))


def test_what_a_replay_of_many_would_do_is_foretold_for_each(ops):
    long_ago = timezone.now() - timedelta(days=2)
    late, _ = dead(happened_at=long_ago)
    asked = ("m-2", "m-3", "m-4", "m-5", "m-6", "m-7")
    early, unanswerable, purged, answered, doubtful, back_at_work = stored(*(a_message(each) for each in asked))
    WebhookEvent.objects.filter(pk=unanswerable.pk).update(kind="read", happened_at=long_ago)
    EventPayload.objects.filter(pk=purged.pk).delete()
    replied(answered, "sent", sent_at=timezone.now())
    WebhookEvent.objects.filter(pk=doubtful.pk).update(state="dead", claimable_at=None, finished_at=timezone.now())
    for each in (doubtful, back_at_work):
        replied(each, "undecided")
    of_all = (late, early, unanswerable, purged, answered, doubtful, back_at_work)

    told = AnsweredEvent().outlooks([event.pk for event in of_all])

    assert {key: (each.is_late, each.is_settled, each.is_in_doubt) for key, each in told.items()} == {
        late.pk: (True, False, False),
        early.pk: (False, False, False),
        unanswerable.pk: (False, False, False),
        purged.pk: (False, True, False),
        answered.pk: (False, True, False),
        doubtful.pk: (False, False, True),
        back_at_work.pk: (False, False, False),
    }

"""What people do with dead letters: once, with a reason, and written down."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.ids import uuid7
from audit.models import AuditEntry
from dead_letters import review
from dead_letters.models import DeadLetter
from dead_letters.review import ReasonMissing, Result

pytestmark = pytest.mark.django_db
BECAUSE = {"reason": "the token was renewed", "actor": "anna"}


def status_of(letter):
    letter.refresh_from_db()
    return letter.status


def test_a_replay_sends_the_subject_back_and_closes_the_letter(buried, graves):
    letter = buried()

    (outcome,) = review.replay([letter.pk], **BECAUSE)

    assert outcome.is_done
    assert graves.replayed == [letter.subject_id]
    assert status_of(letter) == "replayed"
    assert (letter.closed_by, letter.close_reason, letter.replays) == ("anna", "the token was renewed", 1)
    assert letter.closed_at is not None


@pytest.mark.parametrize(("act", "status"), [("replay", "replayed"), ("resolve", "resolved"), ("discard", "discarded")])
def test_every_act_is_written_to_the_audit_log_with_its_reason(buried, act, status):
    letter = buried(correlation_id="req.7")

    review.ACTS[act]([letter.pk], **BECAUSE)

    assert status_of(letter) == status
    entry = AuditEntry.objects.get(subject_id=letter.subject_id)
    assert (entry.action, entry.actor, entry.reason) == (
        f"dead_letter.{status}",
        "anna",
        "the token was renewed",
    )
    assert (entry.correlation_id, entry.detail["dead_letter"]) == ("req.7", str(letter.pk))


@pytest.mark.parametrize("act", ["replay", "resolve", "discard"])
def test_a_closed_letter_is_left_alone(buried, graves, act):
    letter = buried()
    review.discard([letter.pk], **BECAUSE)

    (outcome,) = review.ACTS[act]([letter.pk], **BECAUSE)

    assert (outcome.result, outcome.why) == (Result.NOT_OPEN, "already discarded")
    assert graves.replayed == []
    assert AuditEntry.objects.filter(subject_id=letter.subject_id).count() == 1


def test_a_subject_that_cannot_go_back_keeps_its_letter_open(buried, graves):
    letter = buried()
    graves.gone[letter.subject_id] = "its payload is gone"

    (outcome,) = review.replay([letter.pk], **BECAUSE)

    assert (outcome.result, outcome.why) == (Result.REFUSED, "its payload is gone")
    assert status_of(letter) == "open"
    assert not AuditEntry.objects.filter(subject_id=letter.subject_id).exists()


def test_a_replay_that_loses_to_another_act_takes_its_move_back(buried, graves):
    letter = buried()

    class Slow(type(graves)):
        def replay(self, ids, *, reason, actor, over_s=0.0):
            review.discard([letter.pk], reason="meanwhile", actor="ben")
            buried(subject_id=uuid7(), correlation_id="a-move-of-the-subject.1")
            return super().replay(ids, reason=reason, actor=actor)

    from dead_letters import subject

    subject.register(letter.subject_kind, Slow())
    (outcome,) = review.replay([letter.pk], **BECAUSE)

    assert outcome.result is Result.NOT_OPEN
    assert not DeadLetter.objects.filter(correlation_id="a-move-of-the-subject.1").exists()


def test_many_go_back_oldest_first_whatever_order_they_were_chosen_in(buried, graves):
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    letters = [buried(order_at=noon + timedelta(minutes=n)) for n in (2, 0, 1)]

    outcomes = review.replay([letter.pk for letter in letters], **BECAUSE)

    assert [outcome.result for outcome in outcomes] == [Result.DONE] * 3
    assert graves.replayed == [letters[1].subject_id, letters[2].subject_id, letters[0].subject_id]


def test_one_refusal_does_not_hold_up_the_others(buried, graves):
    bad, good = buried(), buried()
    graves.gone[bad.subject_id] = "its payload is gone"

    outcomes = review.replay([bad.pk, good.pk, uuid7()], **BECAUSE)

    assert sorted(outcome.result for outcome in outcomes) == ["done", "refused", "unknown"]
    assert status_of(good) == "replayed"


def test_a_letter_named_twice_is_acted_on_once(buried, graves):
    letter = buried()

    assert len(review.replay([letter.pk, letter.pk], **BECAUSE)) == 1
    assert graves.replayed == [letter.subject_id]


@pytest.mark.parametrize("act", list(review.ACTS))
@pytest.mark.parametrize("reason", ["", "  \n", "r" * 501])
def test_no_act_goes_without_a_reason(buried, act, reason):
    letter = buried()

    with pytest.raises(ReasonMissing, match="Say why"):
        review.ACTS[act]([letter.pk], reason=reason, actor="anna")

    assert status_of(letter) == "open"


@pytest.mark.parametrize("act", ["resolve", "discard"])
def test_a_resolved_or_discarded_letter_is_opened_again(buried, act):
    letter = buried()
    review.ACTS[act]([letter.pk], **BECAUSE)

    (outcome,) = review.reopen([letter.pk], **BECAUSE)

    assert outcome.is_done
    assert status_of(letter) == "open"
    assert (letter.closed_at, letter.closed_by, letter.close_reason) == (None, "", "")
    assert AuditEntry.objects.filter(action="dead_letter.reopened", subject_id=letter.subject_id).exists()


@pytest.mark.parametrize("before", [None, "replay"])
def test_an_open_or_replayed_letter_is_not_reopened(buried, before):
    letter = buried()
    if before:
        review.ACTS[before]([letter.pk], **BECAUSE)

    (outcome,) = review.reopen([letter.pk], **BECAUSE)

    assert outcome.result is Result.NOT_CLOSED


def test_a_letter_whose_payload_is_gone_stays_closed(buried, graves):
    letter = buried()
    review.discard([letter.pk], **BECAUSE)
    graves.gone[letter.subject_id] = "its payload is gone"

    (outcome,) = review.reopen([letter.pk], **BECAUSE)

    assert (outcome.result, outcome.why) == (Result.REFUSED, "its payload is gone")


def test_a_letter_stays_closed_while_its_subject_has_another_open_one(buried):
    letter = buried()
    review.discard([letter.pk], **BECAUSE)
    buried(subject_id=letter.subject_id)

    (outcome,) = review.reopen([letter.pk], **BECAUSE)

    assert outcome.result is Result.REFUSED
    assert status_of(letter) == "discarded"


def test_a_subject_that_proved_done_closes_its_letter_by_itself(buried):
    letter = buried()

    assert review.close_by_subject(letter.subject_id, reason="an echo proved it")
    assert not review.close_by_subject(letter.subject_id, reason="an echo proved it")

    assert status_of(letter) == "resolved"
    assert AuditEntry.objects.get(subject_id=letter.subject_id).actor == "system"

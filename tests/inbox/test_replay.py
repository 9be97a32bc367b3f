"""What stands in the way of a replay, as its dead letter is told."""

import pytest

from audit.ids import uuid7
from dead_letters import review
from dead_letters.bury import BuriedError, bury
from dead_letters.models import DeadLetter
from instagram_webhooks.inbox.replay import EventSubject
from tests.desk.builders import an_event, with_payload

pytestmark = pytest.mark.django_db
BECAUSE = {"reason": "too early", "actor": "anna"}


def a_closed_letter_of(event):
    letter_id = bury(
        subject_kind=EventSubject.KIND, subject_id=event.pk, lane=event.lane, order_at=event.order_at,
        provider=event.provider, kind=event.kind, account_label=event.account, correlation_id=event.correlation_id,
        error=BuriedError(error_class="Bug", code="bug", summary="A bug."), attempts=1,
    )  # fmt: skip
    review.resolve([letter_id], **BECAUSE)
    return letter_id


@pytest.mark.parametrize("state", ["received", "processing", "retrying", "parked", "processed", "ignored"])
def test_a_letter_whose_event_is_not_dead_stays_closed(state):
    letter_id = a_closed_letter_of(with_payload(an_event(state=state, lane=uuid7())))

    (outcome,) = review.reopen([letter_id], **BECAUSE)

    assert (outcome.result, outcome.why) == ("refused", f"the event is not dead but {state}")
    assert DeadLetter.objects.get().status == "resolved"


def test_a_letter_whose_payload_is_gone_stays_closed():
    letter_id = a_closed_letter_of(an_event(state="dead"))

    (outcome,) = review.reopen([letter_id], **BECAUSE)

    assert outcome.result == "refused"
    assert outcome.why == "its payload is gone, so there is nothing to process"
    assert DeadLetter.objects.get().status == "resolved"


def test_a_letter_of_a_dead_event_is_opened_again():
    letter_id = a_closed_letter_of(with_payload(an_event(state="dead")))

    (outcome,) = review.reopen([letter_id], **BECAUSE)

    assert outcome.is_done
    assert DeadLetter.objects.get().status == "open"

"""What a listing proves."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.ids import uuid7
from instagram_webhooks.models import OutgoingReply
from instagram_webhooks.replies.graph_api import ListedMessage
from instagram_webhooks.replies.lookup import judge
from instagram_webhooks.vault import message_digest

CALLED = datetime(2026, 3, 1, 12, 0, 0, 400_000, tzinfo=UTC)
PERSON = "612"

pytestmark = pytest.mark.django_db


def listed(seconds, text="re hello", sender="178", mid="m-reply"):
    at = (CALLED + timedelta(seconds=seconds)).replace(microsecond=0)
    return ListedMessage(message_id=mid, created_at=at, sender=sender, text=text)


def verdict(*messages):
    return judge(list(messages), "re hello", CALLED, partner=PERSON)


def test_our_text_from_the_account_after_the_call_is_the_reply():
    assert verdict(listed(0)).message_id == "m-reply"
    assert verdict(listed(30, "re  hello\n")).message_id == "m-reply"


def test_a_message_that_another_row_of_the_ledger_owns_is_not_it():
    OutgoingReply.objects.create(
        event_id=uuid7(), reply_key=uuid7(), conversation_id=uuid7(), provider="instagram", account="178",
        state="sent", sent_at=CALLED, message_digest=message_digest("m-reply"),
    )  # fmt: skip

    assert verdict(listed(0)) == "absent"


@pytest.mark.parametrize("other", [listed(0, "another text"), listed(0, sender=PERSON), listed(-60)])
def test_another_text_a_customers_and_an_earlier_one_are_not_it(other):
    assert verdict(other) == "absent"


def test_something_newer_without_it_is_said_so():
    assert verdict(listed(5, "hm?", sender=PERSON, mid="m-2")) == "newer"


def test_a_message_of_that_time_without_its_text_proves_nothing():
    assert verdict(listed(0, text=None)) == "unclear"


def test_an_empty_listing_lacks_it():
    assert verdict() == "absent"

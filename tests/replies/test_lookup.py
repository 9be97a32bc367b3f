"""What a listing proves."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.ids import uuid7
from instagram_webhooks.errors import ReplyNotSettled, ReplyUndecided
from instagram_webhooks.models import OutgoingReply
from instagram_webhooks.replies.graph_api import ListedMessage
from instagram_webhooks.replies.lookup import MOST_LOOKUPS, _be_certain, judge
from instagram_webhooks.replies.outbox import Reply
from instagram_webhooks.vault import message_digest
from tests.builders import knobs

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


# --- when it is believed -----------------------------------------------------------------------------

SETTLE_S = 15.0


def a_reply(**telling):
    facts = {
        "id": uuid7(), "state": "sending", "sealed_text": b"", "called_at": CALLED, "ended_s": 60.0, "absent_s": None,
        "lookups": 0, "error_class": "", "error_code": "", "graph_code": None, "graph_subcode": None,
    }  # fmt: skip
    return Reply(**(facts | telling))


def believed(verdict, **telling):
    """None where the reply is certain not to have left, else why not."""
    with knobs(reply_settle_s=SETTLE_S):
        try:
            return _be_certain(a_reply(**telling), verdict)
        except (ReplyNotSettled, ReplyUndecided) as exc:
            return exc


@pytest.mark.parametrize(
    ("verdict", "ended_s", "absent_s"), [("newer", 15, None), ("newer", 15, 3), ("newer", 3, 15), ("absent", 99, 15)]
)
def test_a_reply_is_certain_not_to_have_left(verdict, ended_s, absent_s):
    assert believed(verdict, ended_s=ended_s, absent_s=absent_s) is None


@pytest.mark.parametrize(
    ("verdict", "ended_s", "absent_s", "wait_s", "absent"),
    [
        ("newer", 1, None, 15, True),  # what came by then may have overtaken it
        ("newer", 14.9, 4, 11, True),
        ("newer", -3, None, 3, False),
        ("absent", -3, 99, 3, False),  # it may be on its way, so a look-up before that says nothing
        ("absent", 99, None, 15, True),
        ("absent", 99, 14, 1, True),
    ],
)
def test_a_reply_that_may_still_show_is_asked_for_again(verdict, ended_s, absent_s, wait_s, absent):
    found = believed(verdict, ended_s=ended_s, absent_s=absent_s)

    assert isinstance(found, ReplyNotSettled)
    assert (found.wait_s, found.facts["absent"], found.facts["lookups"]) == (wait_s, absent, 1)


@pytest.mark.parametrize(("verdict", "lookups"), [("unclear", 0), ("newer", MOST_LOOKUPS - 1)])
def test_what_asking_does_not_settle_is_for_a_person(verdict, lookups):
    assert isinstance(believed(verdict, ended_s=1, lookups=lookups), ReplyUndecided)

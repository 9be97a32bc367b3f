"""Asking a policy: its answer counts only within its budget."""

from datetime import UTC, datetime

import pytest

from audit.ids import uuid7
from instagram_webhooks.errors import PolicyOverBudget
from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim, Seen
from instagram_webhooks.replies import policy
from instagram_webhooks.replies.context import Silence
from tests.builders import ACCOUNT, PERSON, knobs

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLAIM = Claim(
    event_id=uuid7(), fence=1, provider="instagram", kind="message", account=ACCOUNT, conversation_id=uuid7(),
    lane=None, message_digest=None, correlation_id="request-1.1", attempt=1, starts=1, happened_at=NOW,
    received_at=NOW, order_at=NOW, sealed=None,
    seen=Seen(account=None, last_reply_at=None, last_human_at=None, is_deleted=False),
)  # fmt: skip


def asked(*, took_s):
    """What a policy that may take five seconds comes to."""
    with knobs(reply_policy="tests.policies.silent", reply_policy_budget_s=5.0):
        return policy.ask(CLAIM, Content(text="hello", partner=PERSON), clock=iter([100.0, 100.0 + took_s]).__next__)


def test_an_answer_within_the_budget_counts():
    assert asked(took_s=5.0) == Silence("not_today")


def test_an_answer_after_the_budget_is_dropped():
    with pytest.raises(PolicyOverBudget) as raised:
        asked(took_s=5.1)

    assert raised.value.facts == {"budget_s": 5.0}

"""An account whose token cannot be opened, as with a key that is missing."""

import pytest

from dead_letters.models import DeadLetter
from instagram_webhooks.models import Account, OutgoingReply
from tests.builders import a_message, knobs, stored
from tests.worker.conftest import worked

pytestmark = pytest.mark.usefixtures("shop")


def test_with_a_token_that_cannot_be_opened_no_reply_counts_as_under_way(graph):
    Account.objects.update(sealed_token=b"k0" + bytes(40))
    (event,) = stored(a_message("m-1", "hello"))

    worked(event)

    assert (event.state, DeadLetter.objects.get().code, graph.calls()) == ("dead", "payload_seal_broken", [])
    assert not OutgoingReply.objects.exists()


def test_what_asks_for_no_answer_needs_no_token():
    Account.objects.update(sealed_token=b"k0" + bytes(40))
    with knobs(reply_policy="tests.policies.silent"):
        (event,) = stored(a_message("m-1", "hello"))
        worked(event)

    assert event.state == "processed"

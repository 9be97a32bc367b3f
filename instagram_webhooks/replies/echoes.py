"""Echoes: what Meta tells us that the account itself sent, by our reply or by a person's hand."""

from django.utils import timezone

from instagram_webhooks.errors import SendInFlight
from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import Message
from instagram_webhooks.replies import outbox, proof, thread

# A send ends within its deadline, usually within a second; one of unknown outcome may take minutes.
FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0


def settle(claim: Claim, content: Content) -> None:
    """Confirms our reply, also one of unknown outcome, or notes that a person answered.

    Raises SendInFlight while a reply of the conversation may be on its way: an echo can come before
    the answer of the call that caused it, and then looks like a person's message.
    """
    if claim.conversation_id is None or claim.message_digest is None:
        return
    # Asked first: a send that ends between the two questions is then found by the second.
    is_flying = outbox.in_flight(claim.conversation_id)
    if outbox.confirm_by_echo(claim.message_digest):
        return
    if is_flying:
        raise SendInFlight(wait_s=_wait_s(claim))
    if proof.prove(claim, content):
        return
    thread.open_conversation(claim, content.partner or "")
    thread.add(claim, content, Message.Author.PERSON)
    thread.mark_human(claim)


def _wait_s(claim: Claim) -> float:
    """As long as the echo has waited already, within bounds."""
    age_s = (timezone.now() - claim.received_at).total_seconds()
    return min(max(age_s, FIRST_WAIT_S), LONGEST_WAIT_S)

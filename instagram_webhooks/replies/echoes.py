"""Echoes: what Meta tells us that the account itself sent, by our reply or by a person's hand."""

from instagram_webhooks.errors import SendInFlight
from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import Message
from instagram_webhooks.replies import outbox, thread

WAIT_S = 2.0  # a send ends within its deadline, usually within a second


def settle(claim: Claim, content: Content) -> None:
    """Confirms our reply, or notes that a person answered.

    Raises SendInFlight while a reply of the conversation may be on its way: an echo can come before
    the answer of the call that caused it, and then looks like a person's message.
    """
    if claim.conversation_id is None or claim.message_digest is None:
        return
    if outbox.confirm_by_echo(claim.message_digest):
        return
    if outbox.in_flight(claim.conversation_id):
        raise SendInFlight(wait_s=WAIT_S)
    thread.open_conversation(claim, content.partner or "")
    thread.add(claim, content, Message.Author.PERSON)
    thread.mark_human(claim)

"""Statuses: how far WhatsApp brought a message of the account, told once for each step and in any order."""

import logging

from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.replies import outbox, proof

log = logging.getLogger(__name__)


def settle(claim: Claim, content: Content) -> None:
    """Confirms our reply, also one of unknown outcome; one on its way is found by its look-up.

    What was sent and then not delivered stays sent: Meta had it, and tells why the customer has not.
    """
    if claim.message_digest is None:
        return
    if content.delivery == "failed":
        log.warning("reply.not_delivered", extra={"graph_code": content.error_code, "provider": claim.provider})
    elif not outbox.confirm_by_echo(claim.message_digest) and content.metadata:
        proof.prove(claim, content)

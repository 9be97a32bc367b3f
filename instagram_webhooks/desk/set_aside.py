"""Releasing a conversation by hand: its head dies, with a dead letter, and the next event goes on."""

import logging
from uuid import UUID

from django.db import transaction

from dead_letters.bury import BuriedError, bury
from instagram_webhooks.errors import SetAside
from instagram_webhooks.inbox import moves, wake_ups
from instagram_webhooks.inbox.replay import EventSubject
from instagram_webhooks.replies import outbox

log = logging.getLogger(__name__)


def set_aside(event_id: UUID, *, actor: str, reason: str) -> bool:
    """Whether an open event that no worker has is dead now; it can be replayed later, at the end of its lane."""
    with transaction.atomic():
        moved = moves.set_aside(event_id, actor=actor, reason=reason)
        if moved is None:
            return False
        known = "whether its reply arrived is not known" if outbox.undecided(event_id) else "nothing failed for good"
        bury(
            subject_kind=EventSubject.KIND,
            subject_id=event_id,
            lane=moved.lane,
            order_at=moved.order_at,
            provider=moved.provider,
            kind=moved.kind,
            account_label=moved.account,
            correlation_id=moved.correlation_id,
            error=BuriedError(
                error_class=SetAside.__name__,
                code=SetAside.code,
                summary=f"A person set it aside; {known}.",
            ),
            attempts=moved.attempts,
        )
        if moved.lane is not None:
            lane = moved.lane
            transaction.on_commit(lambda: wake_ups.offer_head(lane), robust=True)
    log.error("event.failed", extra={"event_id": str(event_id), "code": SetAside.code,
                                     "error_class": SetAside.__name__})  # fmt: skip
    return True

"""How ended events come back to work: the slot that dead letters are replayed through."""

import uuid
from collections.abc import Sequence

from django.db import transaction

from instagram_webhooks.inbox import moves, wake_ups
from instagram_webhooks.models import EventPayload, WebhookEvent
from instagram_webhooks.states import OPEN, EventState

GONE = "its payload is gone, so there is nothing to process"


class EventSubject:
    """Events, as `dead_letters` sees them (dead_letters.subject.Subject)."""

    KIND = "instagram_webhooks.event"

    def replay(self, ids: Sequence[uuid.UUID], *, reason: str, actor: str, over_s: float = 0.0) -> set[uuid.UUID]:
        """Sends dead events back to work in the caller's transaction; those that went.

        over_s: their wake-ups leave evenly over so long; the sweep may be sooner.
        """
        return _back_to_work(ids, EventState.DEAD, reason=reason, actor=actor, over_s=over_s)

    def at_work(self, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Those that are open."""
        return set(WebhookEvent.objects.filter(pk__in=ids, state__in=OPEN).values_list("pk", flat=True))

    def why_not(self, subject_id: uuid.UUID) -> str | None:
        """Why this event cannot be replayed, as a clause without capital and full stop; None where it can."""
        if not EventPayload.objects.filter(pk=subject_id).exists():
            return GONE
        state = WebhookEvent.objects.filter(pk=subject_id).values_list("state", flat=True).first()
        return None if state == EventState.DEAD else f"the event is not dead but {state}"


def replay_ignored(ids: Sequence[uuid.UUID], *, reason: str, actor: str) -> set[uuid.UUID]:
    """Sends ignored events back to work, for a handler that came later; those that went."""
    return _back_to_work(ids, EventState.IGNORED, reason=reason, actor=actor)


def _back_to_work(
    ids: Sequence[uuid.UUID], state: EventState, *, reason: str, actor: str, over_s: float = 0.0
) -> set[uuid.UUID]:
    gone = moves.replay(ids, state=state, actor=actor, reason=reason)
    woken = [event_id for event_id in ids if event_id in gone]
    transaction.on_commit(lambda: wake_ups.offer_evenly(woken, over_s=over_s), robust=True)
    return gone

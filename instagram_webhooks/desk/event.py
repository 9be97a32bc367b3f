"""An event as everyone outside sees it, in API, `trace` and tickets. Nothing in it is personal data."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict
from uuid import UUID

from dead_letters.models import DeadLetter
from instagram_webhooks.desk.timeline import Step, stamp, timelines
from instagram_webhooks.desk.waiting import Waiting, waits
from instagram_webhooks.inbox.claim import heads_of
from instagram_webhooks.models import OutgoingReply, WebhookEvent
from instagram_webhooks.states import OPEN, EventState


class Reply(TypedDict):
    """What became of the answer. message_id: the digest of Meta's id."""

    state: str
    reason: str | None
    message_id: str | None
    sent_at: str | None


class Event(TypedDict):
    """One event of the public interface. message_id is a digest.

    waits_for: the head of its lane, where that is another. waiting: whatever it waits for, while open.
    """

    event_id: str
    correlation_id: str
    provider: str
    kind: str
    account: str | None
    conversation_id: str | None
    message_id: str | None
    state: str
    reason: str | None
    attempts: int
    happened_at: str | None
    received_at: str
    finished_at: str | None
    next_attempt_at: str | None
    waits_for: str | None
    waiting: Waiting | None
    reply: Reply | None
    dead_letters: list[str]
    timeline: NotRequired[list[Step]]


def shown(events: Sequence[WebhookEvent], *, timeline: bool = False) -> list[Event]:
    """The events in their order, in at most seven queries however many there are."""
    ids = [event.pk for event in events]
    replies = {reply.event_id: reply for reply in _replies(ids)}
    letters = _dead_letters(ids)
    heads = heads_of(event.lane for event in events if event.lane and event.state in OPEN)
    waiting = waits(events, heads)
    steps = timelines(events, replies) if timeline and events else {}
    found: list[Event] = []
    for event in events:
        one = _event(event, replies.get(event.pk), letters[event.pk], heads, waiting.get(event.pk))
        if timeline:
            one["timeline"] = steps[event.pk]
        found.append(one)
    return found


def _replies(ids: Sequence[UUID]) -> Iterable[OutgoingReply]:
    return OutgoingReply.objects.filter(event_id__in=ids).defer("sealed_text")


def _dead_letters(ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = DeadLetter.objects.filter(subject_id__in=ids).order_by("created_at", "id").values_list("subject_id", "id")
    for event_id, letter_id in rows:
        found[event_id].append(str(letter_id))
    return found


def _event(
    event: WebhookEvent,
    reply: OutgoingReply | None,
    letters: list[str],
    heads: dict[UUID, UUID],
    waiting: Waiting | None,
) -> Event:
    return Event(
        event_id=str(event.pk),
        correlation_id=event.correlation_id,
        provider=event.provider,
        kind=event.kind,
        account=event.account or None,
        conversation_id=_text(event.conversation_id),
        message_id=event.message_digest.hex if event.message_digest else None,
        state=event.state,
        reason=event.reason or None,
        attempts=event.attempts,
        happened_at=_time(event.happened_at),
        received_at=stamp(event.received_at),
        finished_at=_time(event.finished_at),
        next_attempt_at=_time(event.claimable_at) if event.state == EventState.RETRYING else None,
        waits_for=_waits_for(event, heads),
        waiting=waiting,
        reply=_reply(reply) if reply else None,
        dead_letters=letters,
    )


def _waits_for(event: WebhookEvent, heads: dict[UUID, UUID]) -> str | None:
    if event.lane is None or event.state not in OPEN:
        return None
    head = heads.get(event.lane, event.pk)
    return None if head == event.pk else str(head)


def _reply(reply: OutgoingReply) -> Reply:
    return Reply(
        state=reply.state,
        reason=reply.reason or None,
        message_id=reply.message_digest.hex if reply.message_digest else None,
        sent_at=_time(reply.sent_at),
    )


def _time(at: datetime | None) -> str | None:
    return stamp(at) if at else None


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None

"""Where is my message? Finds events by whatever id a person holds in their hand."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from dead_letters.models import DeadLetter
from instagram_webhooks.models import Account, WebhookEvent
from instagram_webhooks.states import EventState
from instagram_webhooks.vault import event_keys, message_digest

MOST = 200
LOOKED_FOR = "message or comment id, event, conversation, request, dead letter, account"

_CORRELATION = re.compile(r"[A-Za-z0-9._-]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Events, oldest first. is_cut: there are more, and these are the latest MOST of them."""

    events: list[WebhookEvent]
    is_cut: bool


def find(key: str) -> Found:
    """All events that this key is about.

    Each kind of key is a look-up of its own in an index of its own; one query over all of them
    would read the whole table. An account is tried last, since its events have no index.
    """
    found: dict[UUID, WebhookEvent] = {}
    for condition in _conditions(key):
        found |= {event.pk: event for event in _latest(condition)}
    if not found and (owned := _of_account(key)) is not None:
        found = {event.pk: event for event in _latest(owned)}
    events = sorted(found.values(), key=lambda event: (event.received_at, event.place, event.pk))
    return Found(events=events[-MOST:], is_cut=len(events) > MOST)


def _latest(condition: Q) -> list[WebhookEvent]:
    return list(WebhookEvent.objects.filter(condition).order_by("-received_at", "-event_id")[: MOST + 1])


def _conditions(key: str) -> Iterator[Q]:
    yield _of_message(message_digest(key))
    if _CORRELATION.fullmatch(key):
        yield Q(correlation_id=key)
        # The prefix is what the index serves; another request's id may begin with this one.
        yield Q(correlation_id__startswith=f"{key}.", correlation_id__regex=rf"^{re.escape(key)}\.[0-9]+$")
    try:
        known = UUID(key)
    except ValueError:
        return
    yield Q(event_id=known)
    yield Q(conversation_id=known)
    yield _of_message(known)  # as EVENT shows it
    yield Q(event_id__in=list(DeadLetter.objects.filter(pk=known).values_list("subject_id", flat=True)))


def _of_message(message: UUID) -> Q:
    """Found by the index of keys, which begin with the message; those of a stranger might begin so too."""
    return Q(key__range=event_keys(message), message_digest=message)


def _of_account(key: str) -> Q | None:
    if not key or not key.isprintable():  # "" is no label; PostgreSQL takes no NUL, no half character
        return None
    accounts = Account.objects.filter(Q(account_id=key) | Q(label=key)).values_list("provider", "account_id")
    owned = [Q(provider=provider, account=account) for provider, account in accounts]
    if not owned:  # never connected: what waits for it has an index
        return Q(state=EventState.PARKED, account=key)
    condition = owned[0]
    for other in owned[1:]:
        condition |= other
    return condition

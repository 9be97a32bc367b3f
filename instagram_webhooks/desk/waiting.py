"""What an open event waits for, in one word each and in a sentence."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Greatest, Now

from audit.models import AuditEntry
from instagram_webhooks.conf import conf
from instagram_webhooks.desk.timeline import stamp
from instagram_webhooks.errors import AccountPaused
from instagram_webhooks.models import Account, WebhookEvent, Worker
from instagram_webhooks.states import OPEN, EventState

PARKED = {
    "token": "Meta refused the account's token; give the account a new one",
    "blocked": "Meta has blocked the account; see its page at Meta, then release it",
    "unknown_account": "the account was never connected; connect it",
}


class Waiting(TypedDict):
    """What an open event waits for.

    what: event (event_id goes first in its conversation), account (parked: reason), pause (its account
        is left alone until then), retry (its next attempt), worker (it is ready: a free worker), work
        (a worker has it, until the lease ends at most), lease (so it has, but that worker is silent).
    reason: of a parked event, or the code of the last failure.
    """

    what: str
    event_id: str | None
    until: str | None
    reason: str | None


def waits(events: Sequence[WebhookEvent], heads: Mapping[UUID, UUID]) -> dict[UUID, Waiting]:
    """What each open event waits for; `heads`: by lane. At most three queries, none without open events."""
    open_ones = [event for event in events if event.state in OPEN]
    retrying = [event for event in open_ones if event.state == EventState.RETRYING]
    codes, pauses = _last_codes(retrying), _pauses(retrying)
    silent = _silent({event.worker_id for event in open_ones if event.worker_id})
    found: dict[UUID, Waiting] = {}
    for event in open_ones:
        head = heads.get(event.lane, event.pk) if event.lane else event.pk
        if event.state == EventState.PARKED:
            found[event.pk] = _waiting("account", reason=event.reason)
        elif head != event.pk:
            found[event.pk] = _waiting("event", head=head)
        elif event.state == EventState.RETRYING:
            paused_until = pauses.get((event.provider, event.account))
            what, until = ("pause", paused_until) if paused_until else ("retry", event.claimable_at)
            found[event.pk] = _waiting(what, until=until, reason=codes.get(event.pk))
        elif event.state == EventState.PROCESSING:
            what = "lease" if event.worker_id in silent else "work"
            found[event.pk] = _waiting(what, until=event.claimable_at)
        else:
            found[event.pk] = _waiting("worker")
    return found


def sentence(waiting: Waiting) -> str:
    """For people: what must happen first, and when."""
    until = f"{(waiting['until'] or '')[:19].replace('T', ' ')} UTC"
    after = f", after {waiting['reason']}" if waiting["reason"] not in (None, AccountPaused.code) else ""
    reason = waiting["reason"] or ""
    return {
        "event": f"Event {waiting['event_id']} goes first in its conversation.",
        "account": f"Its account is parked: {PARKED.get(reason, reason)}.",
        "pause": f"Its account is left alone until {until}{after}.",
        "retry": f"Its next attempt, at {until}{after}.",
        "worker": "Nothing: it is this event's turn, and the next free worker takes it.",
        "work": f"A worker has it, until {until} at most.",
        "lease": f"Its worker is silent; another takes it at {until} at the latest.",
    }[waiting["what"]]


def _waiting(
    what: str, *, head: UUID | None = None, until: datetime | None = None, reason: str | None = None
) -> Waiting:
    return Waiting(
        what=what,
        event_id=str(head) if head else None,
        until=stamp(until) if until else None,
        reason=reason or None,
    )


def _last_codes(events: Sequence[WebhookEvent]) -> dict[UUID, str]:
    if not events:
        return {}
    entries = AuditEntry.objects.filter(subject_id__in=[event.pk for event in events], action="event.retrying")
    newest = entries.order_by("subject_id", "-at").distinct("subject_id").values_list("subject_id", "detail")
    return {event_id: str(detail.get("code", "")) for event_id, detail in newest if event_id}


def _pauses(events: Sequence[WebhookEvent]) -> dict[tuple[str, str], datetime]:
    """Until when the accounts of these events are left alone, where they are."""
    if not events:
        return {}
    named = Account.objects.filter(account_id__in={event.account for event in events})
    paused = named.annotate(until=Greatest("paused_until", "hand_paused_until")).filter(until__gt=Now())
    return {
        (provider, account): until for provider, account, until in paused.values_list("provider", "account_id", "until")
    }


def _silent(workers: set[UUID]) -> set[UUID]:
    """Those that the sweep takes for dead."""
    if not workers:
        return set()
    is_silent = Q(stopped_at__isnull=False) | Q(pulse_at__lt=Now() - timedelta(seconds=conf().worker_silent_s))
    return set(Worker.objects.filter(is_silent, pk__in=workers).values_list("pk", flat=True))

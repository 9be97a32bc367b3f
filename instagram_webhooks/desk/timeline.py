"""What happened to an event, step by step: from its row, the audit log and the outbound ledger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict
from uuid import UUID

from audit.models import AuditEntry
from instagram_webhooks.conf import conf
from instagram_webhooks.models import OutgoingReply, WebhookEvent
from instagram_webhooks.states import EventState, ReplyState

_WORDS = {
    "event.failed": "died",
    "event.retrying": "retry.scheduled",
}


class Step(TypedDict):
    """One thing that happened. detail: ids, codes and numbers only."""

    at: str
    what: str
    attempt: int | None
    detail: dict[str, object]


_Dated = tuple[datetime, Step]


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with Z, always with microseconds, so that times sort as text too."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def timelines(events: Sequence[WebhookEvent], replies: Mapping[UUID, OutgoingReply]) -> dict[UUID, list[Step]]:
    """The steps of each event, oldest first; one query for all."""
    acts: dict[UUID | None, list[AuditEntry]] = defaultdict(list)
    for entry in AuditEntry.objects.filter(subject_id__in=[event.pk for event in events]).order_by("at", "id"):
        acts[entry.subject_id].append(entry)
    return {event.pk: _timeline(event, acts[event.pk], replies.get(event.pk)) for event in events}


def _timeline(event: WebhookEvent, acts: Sequence[AuditEntry], reply: OutgoingReply | None) -> list[Step]:
    dated = [_step(event.received_at, "received", {"place": event.place})]
    dated += [_told(entry) for entry in acts]
    if reply is not None:
        dated += _of_reply(reply, ended_at=event.finished_at)
    if event.state == EventState.PROCESSING:
        dated.append(_claimed(event, after=max(at for at, _ in dated)))
    return [step for _, step in sorted(dated, key=lambda each: each[0])]


def _told(entry: AuditEntry) -> _Dated:
    """An audit entry without who did it and why: names and people's own words stay in the audit log."""
    what = _WORDS.get(entry.action) or entry.action.removeprefix("event.")
    return _step(entry.at, what, entry.detail, attempt=entry.attempt)


def _of_reply(reply: OutgoingReply, *, ended_at: datetime | None) -> Iterator[_Dated]:
    if reply.called_at or reply.state != ReplyState.WITHHELD:
        yield _step(reply.created_at, "reply.planned", {})
    if reply.called_at:
        yield _step(reply.called_at, "reply.sending", _of_last_call(reply))
    if reply.sent_at:
        digest = {"message_id": reply.message_digest.hex} if reply.message_digest else {}
        yield _step(reply.sent_at, "reply.sent", digest)
    if reply.state == ReplyState.WITHHELD:  # decided together with the end of the event
        yield _step(ended_at or reply.created_at, "reply.withheld", {"reason": reply.reason})
    if reply.echoed_at:
        yield _step(reply.echoed_at, "reply.echoed", {})


def _of_last_call(reply: OutgoingReply) -> dict[str, object]:
    """What is known of the only call that the ledger still holds; those before it stand in the audit log."""
    facts: dict[str, object] = {"lookups": reply.lookups or None}
    # A new call clears `ended_at` and not the error, which is then that of a call before it.
    if reply.ended_at and reply.state != ReplyState.SENT:
        facts |= {"code": reply.error_code or None,
                  "graph_code": reply.graph_code, "graph_subcode": reply.graph_subcode}  # fmt: skip
    return {name: fact for name, fact in facts.items() if fact is not None}


def _claimed(event: WebhookEvent, *, after: datetime) -> _Dated:
    """The claim writes no time of its own: it is a lease before the end of the lease."""
    lease_until = event.claimable_at or after
    at = max(after, lease_until - timedelta(seconds=conf().lease_s))
    facts = {"fence": event.fence, "lease_until": stamp(lease_until), "worker_id": str(event.worker_id)}
    return _step(at, "claimed", facts, attempt=event.attempts + 1)


def _step(at: datetime, what: str, detail: Mapping[str, object], *, attempt: int | None = None) -> _Dated:
    return at, Step(at=stamp(at), what=what, attempt=attempt, detail=dict(detail))

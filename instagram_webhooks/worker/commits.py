"""
The two commits of a message that is answered at the first attempt, each for all slots that come to it at once.

What is not plain goes the way of one by one (worker/answering.py): a reply that another event has given
already, an effect that stands there from a commit whose answer was lost.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from audit.ids import uuid7
from audit.log import RECORDED
from instagram_webhooks.conf import conf
from instagram_webhooks.events import Content
from instagram_webhooks.inbox import finish
from instagram_webhooks.inbox.arrays import as_input, columns
from instagram_webhooks.inbox.claim import TAKING_NEXT, Claim
from instagram_webhooks.inbox.line import RowBusy
from instagram_webhooks.inbox.together import Together
from instagram_webhooks.models import Conversation, Message, OutgoingReply
from instagram_webhooks.replies import outbox, thread
from instagram_webhooks.vault import message_digest, seal, seal_text
from instagram_webhooks.worker import crowd, taking, visit
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.recent import Recent
from instagram_webhooks.worker.taking import line
from instagram_webhooks.worker.transactions import settled


@dataclass(slots=True, kw_only=True)
class _Begun:
    """A row of `input`: a customer's message, and the reply that is about to be sent."""

    event_id: UUID
    fence: int
    provider: str
    account: str
    conversation_id: UUID | None
    partner: bytes
    at: datetime
    message_id: UUID
    kind: str
    digest: UUID | None
    sealed: bytes
    reply_id: UUID
    reply_key: UUID
    text: bytes


@dataclass(slots=True, kw_only=True)
class _Ended:
    """A row of `input`: an answered event, its reply, what the audit log says, and the lane to go on with."""

    event_id: UUID
    fence: int
    conversation_id: UUID | None
    at: datetime
    message_id: UUID
    kind: str
    digest: UUID
    sealed: bytes
    reply_id: UUID
    audit_id: UUID
    action: str
    provider: str
    correlation_id: str
    actor: str
    attempt: int | None
    detail: str
    reason: str
    next_of: UUID | None


@dataclass(frozen=True, slots=True)
class _End:
    """Whether the event was ended, and the claim on the next of its lane where that was asked for and there is one."""

    is_ended: bool
    following: Claim | None = None


SLACK_S = 2.0  # of a lease, beside the time of the call: the first byte leaves within a second or is checked again
_KINDS = (("UUID", "uuid"), ("datetime", "timestamptz"), ("bytes", "bytea"), ("int", "int"), ("str", "text"))


def _kinds(row: type) -> dict[str, str]:
    """The types of its columns."""
    return {each.name: next(kind for name, kind in _KINDS if name in str(each.type)) for each in fields(row)}


_BEGUN_KINDS, _ENDED_KINDS = _kinds(_Begun), _kinds(_Ended)
# PostgreSQL does what the last line does not read from the end of this list to its beginning: event first, and the
# conversation before its messages, as everybody locks them.
_BEGIN = f"""
WITH {as_input(_BEGUN_KINDS)}, {finish.HELD}, {outbox.WRITTEN}, {thread.ADDED}, {thread.OPENED}
SELECT event_id, id FROM written
"""
_END = f"""
WITH {as_input(_ENDED_KINDS)}, {finish.DONE}, {RECORDED}, {thread.ANSWERED}, {outbox.SENT}, {thread.MARKED},
{TAKING_NEXT}
SELECT done.event_id, done.fence, {taking.BESIDE.format(last_reply_at="greatest(c.last_reply_at, first.answered_at)")}
  FROM done LEFT JOIN first ON first.after = done.event_id {taking.JOINS}
"""
# A processed event never comes back, so whoever is woken for one of these need not ask. A slot goes on with its lane,
# so half of all wake-ups are for what is done by then.
processed_here = Recent()


def begin(claim: Claim, content: Content, text: str) -> UUID | None:
    """Commits the customer's message and our reply as `sending`; the id of the reply.

    None where it was not plain: the message was answered already, a row is held by somebody, or the claim is lost or
    has not enough of its lease left for a call. What of it was written is what would be written one by one.
    """
    at = claim.happened_at or claim.received_at
    message_id, reply_id = uuid7(), uuid7()
    assert claim.conversation_id is not None
    row = _Begun(
        event_id=claim.event_id,
        fence=claim.fence,
        provider=claim.provider,
        account=claim.account,
        conversation_id=claim.conversation_id,
        partner=seal_text(content.partner or "", place=Conversation.PARTNER_PLACE, row_id=claim.conversation_id),
        at=at,
        message_id=message_id,
        kind=claim.kind,
        digest=claim.message_digest,
        sealed=seal(thread.plain(content), place=Message.PLACE, row_id=message_id),
        reply_id=reply_id,
        reply_key=outbox.key_of(claim, content.message_id),
        text=seal_text(text, place=OutgoingReply.PLACE, row_id=reply_id),
    )
    try:
        return reply_id if settled(lambda: _begun(row)) else None
    except RowBusy:  # its slot waits alone
        return None


def end(claim: Claim, reply_id: UUID, text: str, message_id: str, *, sent_at: datetime) -> bool:
    """Commits that the reply was sent and the event is done; where the slot goes on, the next of its lane is claimed.

    False where the claim is lost, or a row is held or was changed in this very moment; nothing is written then, or all
    was by a run whose answer was lost.
    """
    own_id, here = uuid7(), visit.current()
    entry = finish.entry(claim, "event.processed", {"reply": "sent"})
    row = _Ended(
        event_id=claim.event_id,
        fence=claim.fence,
        conversation_id=claim.conversation_id,
        at=sent_at,
        message_id=own_id,
        kind=claim.kind,
        digest=message_digest(message_id),
        sealed=seal(thread.plain(Content(text=text)), place=Message.PLACE, row_id=own_id),
        reply_id=reply_id,
        audit_id=uuid7(),
        action=entry.action,
        provider=entry.provider,
        correlation_id=entry.correlation_id,
        actor=entry.actor,
        attempt=entry.attempt,
        detail=entry.detail_json,
        reason=entry.reason,
        next_of=claim.lane if here and here.goes_on() else None,
    )
    found, is_known = _End(is_ended=False), True

    def act() -> _End:
        nonlocal is_known
        try:
            return _ended(row)
        except (RowBusy, IntegrityError):
            raise  # nothing was written
        except BaseException:
            is_known = False
            raise

    try:
        with contextlib.suppress(RowBusy, IntegrityError):  # its slot waits alone
            found = settled(act)
            is_known &= found.is_ended
    finally:
        if not (is_known or found.is_ended):  # a run whose answer was lost may have claimed the next of the lane
            life.may_hold_more = True
    if found.is_ended:
        processed_here.add(claim.event_id)
    if here:
        here.following = found.following
        here.is_through = found.is_ended and row.next_of is not None and found.following is None
    return found.is_ended


def _begin_all(rows: Sequence[_Begun]) -> list[bool]:
    """Whether each reply was written."""
    values = columns(_in_order(rows), _BEGUN_KINDS) | {"left_s": conf().graph_deadline_s + SLACK_S}
    written = {(event_id, reply_id) for event_id, reply_id in line.run(_BEGIN, values)}
    return [(row.event_id, row.reply_id) in written for row in rows]


def _end_all(rows: Sequence[_Ended]) -> list[_End]:
    values = columns(_in_order(rows), _ENDED_KINDS) | {"worker": life.worker_id, "lease": conf().lease_s}
    ended = {
        (event_id, fence): _End(is_ended=True, following=taking.understood(beside))
        for event_id, fence, *beside in line.run(_END, values)
    }
    return [ended.get((row.event_id, row.fence), _End(is_ended=False)) for row in rows]


def _in_order(rows: Sequence[Any]) -> list[Any]:
    """Of their events, as everybody locks them."""
    return sorted(rows, key=attrgetter("event_id"))


_begun = Together(_begin_all, coming=crowd.coming)
_ended = Together(_end_all, coming=crowd.coming)

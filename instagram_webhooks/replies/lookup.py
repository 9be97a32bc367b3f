"""
Finding out whether a reply left: asked before anything else when a call's outcome is unknown.

Messenger's echo and WhatsApp's statuses carry the reply's own id, which is certain. By its text a
message is found only where it belongs to no other row of the ledger. Absent only where the call has
ended and either the settle time has passed since and the listing shows something newer, or two
look-ups a settle time apart both lack it. What stays open is for a person.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from instagram_webhooks import providers
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import (
    GraphRefused,
    OutcomeUnknown,
    Permanent,
    ReplyNotSettled,
    ReplyUndecided,
    Retryable,
    Waiting,
)
from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.inbox.echoes import stored_echoes
from instagram_webhooks.replies import graph_api, outbox, pause
from instagram_webhooks.replies.graph_api import Destination, ListedMessage
from instagram_webhooks.vault import message_digest

MOST_LOOKUPS = 12
# Meta's listing counts whole seconds, by a clock of its own; the ledger keeps our older texts out of the search.
CLOCKS_APART = timedelta(seconds=60)
WITH_TEXT = 20  # of a page of Meta's listing; the older ones come without their text
LISTED_BY = ("instagram", "facebook")


class NotDelivered(Exception):
    """Meta took the reply and told later that it failed: certain, and `error` says why."""

    def __init__(self, error: GraphRefused) -> None:
        super().__init__(error.code)
        self.error = error


def resolve(claim: Claim, reply: outbox.Reply, to: Destination, account: pause.KnownAccount) -> str | None:
    """Meta's id of the reply where it is there, None where it is certain that it never left.

    Raises ReplyNotSettled where it must be asked again later, LookupPostponed where it is not yet the turn
    of this one, ReplyUndecided where asking does not help, NotDelivered. Of a call that failed the
    error is the cause.
    """
    assert reply.called_at is not None
    text = comparable(reply.text())
    if claim.provider not in LISTED_BY:
        return _by_status(claim, reply, reply.called_at)
    if found := _echoed(claim, reply, text, reply.called_at):
        return found
    pause.take_lookup(account)
    try:
        listed = graph_api.recent_messages(to, before_another=lambda: pause.await_another_lookup(account))
    except Waiting:
        raise
    except (Retryable, OutcomeUnknown) as exc:
        raise _again(reply, conf().delay_s(reply.lookups + 1), absent=False) from exc
    except Permanent as exc:
        raise ReplyUndecided(**exc.facts) from exc
    verdict = judge(listed, text, reply.called_at, partner=to.partner)
    if isinstance(verdict, ListedMessage):
        return verdict.message_id
    _be_certain(reply, verdict)
    return None


def _be_certain(reply: outbox.Reply, verdict: Literal["newer", "absent", "unclear"]) -> None:
    """Returns where the reply is certain not to have left; raises as `resolve` does where it is not."""
    settle_s = conf().reply_settle_s
    if verdict == "unclear":
        raise ReplyUndecided
    if reply.ended_s < 0:  # the call of a worker that died, or hangs, may still be on its way
        raise _again(reply, -reply.ended_s, absent=False)
    if verdict == "newer" and reply.ended_s >= settle_s:
        return
    if reply.absent_s is not None and reply.absent_s >= settle_s:
        return
    raise _again(reply, settle_s - (reply.absent_s or 0.0), absent=True)


def judge(
    listed: list[ListedMessage], text: str, called_at: datetime, *, partner: str
) -> ListedMessage | Literal["newer", "absent", "unclear"]:
    """What a listing says: the message itself, that something newer is there without it, or that it is absent.

    Unclear: a message of that time is listed without its text, as all but the newest twenty are, or the
    page does not reach back to that time.
    """
    since = called_at - CLOCKS_APART
    for each in listed:
        if each.created_at < since or each.sender == partner:
            continue
        if each.text is None:
            return "unclear"
        if comparable(each.text) == text and not outbox.is_ours(message_digest(each.message_id)):
            return each
    if len(listed) >= WITH_TEXT and all(each.created_at >= since for each in listed):
        return "unclear"  # one page that may not reach back to the call
    is_newer = any(each.created_at > called_at + timedelta(seconds=1) for each in listed)
    return "newer" if is_newer else "absent"


def _again(reply: outbox.Reply, wait_s: float, *, absent: bool) -> ReplyNotSettled | ReplyUndecided:
    if reply.lookups + 1 >= MOST_LOOKUPS:
        return ReplyUndecided(lookups=reply.lookups + 1)
    return ReplyNotSettled(wait_s=max(wait_s, 0.05), lookups=reply.lookups + 1, absent=absent)


def _by_status(claim: Claim, reply: outbox.Reply, called_at: datetime) -> str:
    """WhatsApp lists nothing, and tells of a message it took by statuses, in any order.

    Only those received since the call: an earlier call of this reply may have had its own.
    """
    told = {said.delivery: said for said in _stored(claim, "status", called_at) if said.metadata == str(reply.id)}
    if "failed" in told and not told.keys() & {"delivered", "read"}:
        code = told["failed"].error_code
        raise NotDelivered(GraphRefused(**({} if code is None else {"graph_code": code})))
    for said in told.values():
        if said.message_id:
            return said.message_id
    if reply.ended_s < conf().reply_settle_s:
        raise _again(reply, conf().reply_settle_s - reply.ended_s, absent=True)
    raise ReplyUndecided


def echoed(claim: Claim, reply: outbox.Reply) -> str | None:
    """Meta's id of a reply that an echo proved meanwhile; asks nobody but the inbox."""
    if reply.called_at is None or claim.provider not in LISTED_BY:
        return None
    return _echoed(claim, reply, comparable(reply.text()), reply.called_at)


def _echoed(claim: Claim, reply: outbox.Reply, text: str, called_at: datetime) -> str | None:
    """The id by an echo that is stored already, worked off or not."""
    for said in _stored(claim, "echo", called_at - CLOCKS_APART):
        if said.message_id and is_told_of(reply, said, text) and (said.metadata or not _is_ours(said)):
            return said.message_id
    return None


def is_told_of(reply: outbox.Reply, said: Content, text: str) -> bool:
    """Whether what Meta told of is this reply: by the id that it carries, where it carries one, else by its text."""
    return said.metadata == str(reply.id) if said.metadata else comparable(said.text) == text


def _stored(claim: Claim, kind: str, since: datetime) -> Iterator[Content]:
    if claim.conversation_id is not None:
        for payload in stored_echoes(claim.conversation_id, since=since, kind=kind):
            yield providers.content(claim.provider, kind, payload)


def _is_ours(said: Content) -> bool:
    return outbox.is_ours(message_digest(said.message_id or ""))


def comparable(text: str) -> str:
    """Without what Meta may change of a text on its way."""
    return " ".join(text.split())

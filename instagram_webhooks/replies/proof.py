"""
Replies of unknown outcome that turn out to be sent: by a person's word, or by a late echo.

Both lock in the order event, conversation, reply, message, letter. Under the lock of an event that no
worker has, nobody else writes its reply.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import connection, transaction

from audit.log import record
from dead_letters.review import close_by_subject
from dead_letters.subject import Outlook
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import SendInFlight
from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.inbox.replay import GONE, EventSubject
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.replies import outbox, thread
from instagram_webhooks.replies.lookup import CLOCKS_APART, comparable, is_told_of
from instagram_webhooks.replies.policy import WINDOW_HAS_CLOSED
from instagram_webhooks.states import EventState, ReplyState

ANSWERED_KINDS = ("message", "postback")
_ON_REPLAY = {
    ReplyState.SENT: "Already answered: a replay sends nothing.",
    ReplyState.WITHHELD: "Its answer was withheld: a replay sends nothing.",
    ReplyState.UNDECIDED: "Whether it was answered is not known: a replay looks it up first, "
    "and sends only what is certain not to have left.",
}
# Of ten thousand at once; as rows of the models they took Python six times as long.
_STANDING = f"""
SELECT e.event_id, p.event_id IS NOT NULL, e.kind = ANY(%(answered)s) AND {WINDOW_HAS_CLOSED}, e.state = 'dead', r.state
  FROM instagram_webhooks_webhookevent e LEFT JOIN instagram_webhooks_eventpayload p ON p.event_id = e.event_id
  LEFT JOIN instagram_webhooks_outgoingreply r ON r.event_id = e.event_id
 WHERE e.event_id = ANY(%(ids)s::uuid[])
"""


class AnsweredEvent(EventSubject):
    """Events with their replies, as `dead_letters` sees them (dead_letters.subject.Subject)."""

    def outlooks(self, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Outlook]:
        """What a replay of each would do about its reply, and which replies a person can decide."""
        listed = ",".join(id_.hex for id_ in ids)  # ten thousand of them; psycopg adapts one by one
        with connection.cursor() as cursor:
            cursor.execute(_STANDING, {"ids": f"{{{listed}}}", "answered": list(ANSWERED_KINDS)})
            return {key: _outlook(*standing) for key, *standing in cursor.fetchall()}

    def decide(self, subject_id: uuid.UUID, *, arrived: bool, reason: str, actor: str) -> bool:
        """Settles an undecided reply of a dead event by a person's word, in the caller's transaction."""
        event = WebhookEvent.objects.select_for_update().filter(pk=subject_id, state=EventState.DEAD).first()
        reply = outbox.find(subject_id) if event else None
        if event is None or reply is None or reply.state != ReplyState.UNDECIDED:
            return False
        if arrived:
            assert reply.called_at is not None
            _note(event, reply, None, at=reply.called_at)
        else:
            outbox.send_again(subject_id)
        record(
            "reply.decided",
            subject_id=subject_id,
            provider=event.provider,
            correlation_id=event.correlation_id,
            actor=actor,
            reason=reason,
            detail={"decision": "arrived" if arrived else "send_again"},
        )
        return True


@lru_cache(maxsize=64)
def _outlook(is_kept: bool, is_late: bool, is_dead: bool, state: str | None) -> Outlook:
    if not is_kept:
        return Outlook(on_replay=f"{GONE.capitalize()}.", is_settled=True)
    if state in _ON_REPLAY:
        return Outlook(
            on_replay=_ON_REPLAY[ReplyState(state)],
            is_in_doubt=state == ReplyState.UNDECIDED and is_dead,
            is_settled=state in (ReplyState.SENT, ReplyState.WITHHELD),
        )
    return Outlook(is_late=is_late)


def prove(claim: Claim, content: Content) -> bool:
    """Whether a message that no row of the ledger owns is a reply of unknown outcome; it is sent from then on.

    Raises SendInFlight while a worker has the event of that reply: it looks for this very echo.
    """
    at = claim.happened_at or claim.received_at
    if claim.conversation_id is None or claim.message_digest is None or not (content.metadata or content.text.strip()):
        return False
    # A text alone may be said again, by a person too; the reply's own id may come at any time.
    lag = timedelta(seconds=conf().graph_deadline_s + conf().reply_settle_s) + CLOCKS_APART
    since = None if content.metadata else at - lag
    for event_id in outbox.unproven(claim.conversation_id, called_by=at + CLOCKS_APART, called_since=since):
        reply = outbox.find(event_id)
        if reply is None or not is_told_of(reply, content, comparable(reply.text())):
            continue
        with transaction.atomic():
            if _proves(claim, event_id, claim.message_digest, at):
                return True
    return False


def _proves(claim: Claim, event_id: uuid.UUID, message: uuid.UUID, at: datetime) -> bool:
    event = WebhookEvent.objects.select_for_update().filter(pk=event_id).first()
    reply = outbox.find(event_id)  # again, under the lock
    if event is None or reply is None or reply.state not in (ReplyState.UNDECIDED, ReplyState.SENT):
        return False
    if event.state == EventState.PROCESSING:
        raise SendInFlight(wait_s=1.0)
    if not _note(event, reply, message, at=at):
        return False
    record(
        "reply.proved",
        subject_id=event_id,
        provider=event.provider,
        correlation_id=event.correlation_id,
        detail={"echo": claim.event_id},
    )
    close_by_subject(event_id, reason="What Meta told of the message proved that the reply was sent.")
    return True


def _note(event: WebhookEvent, reply: outbox.Reply, message: uuid.UUID | None, *, at: datetime) -> bool:
    """The reply is sent, under Meta's id where it is known, and stands in the conversation once."""
    is_known = reply.state == ReplyState.SENT  # by a person's word, and so it stands there already
    if not is_known:
        thread.mark_reply(event, at)
    if not outbox.arrived(reply.id, message, at=at):
        return False
    if is_known and message is not None:
        thread.name_reply(event, message)
    else:
        thread.add_reply(event, reply.text(), message, at)
    return True

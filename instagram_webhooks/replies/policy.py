"""Deciding a reply: the default policy, and how any policy is asked."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import Error
from django.utils import timezone
from django.utils.module_loading import import_string

from instagram_webhooks.conf import REPLY_WINDOW_S, conf
from instagram_webhooks.errors import Parked, PolicyOverBudget, PolicyStoreFailed
from instagram_webhooks.events import Attachment, Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import Message, WebhookEvent
from instagram_webhooks.replies import thread
from instagram_webhooks.replies.context import Answer, PastMessage, Policy, Reply, ReplyContext, Silence

# What reply_deadline says, of a row `e` of events.
WINDOW_HAS_CLOSED = f"coalesce(e.happened_at, e.received_at) < clock_timestamp() - interval '{REPLY_WINDOW_S} s'"
_REASON = re.compile(r"[a-z0-9_]{1,32}")


def acknowledge(context: ReplyContext) -> Answer:
    """Thanks a customer once in ACK_COOLDOWN_S, and stays silent for HUMAN_PAUSE_S after a person answered."""
    return acknowledgement(context, now=timezone.now())


def acknowledgement(context: ReplyContext, *, now: datetime) -> Answer:
    """As `acknowledge`, at a given time."""
    if _within(context.last_human_at, conf().human_pause_s, now):
        return Silence("human")
    if _within(context.last_reply_at, conf().ack_cooldown_s, now):
        return Silence("cooldown")
    return Reply(text=conf().ack_text)


def _within(at: datetime | None, seconds: float, now: datetime) -> bool:
    return at is not None and now - at < timedelta(seconds=seconds)


def reply_deadline(answered: Claim | WebhookEvent) -> datetime:
    """Until when Meta takes an answer: 24 hours after the customer wrote."""
    return (answered.happened_at or answered.received_at) + timedelta(seconds=REPLY_WINDOW_S)


@lru_cache(maxsize=8)
def policy_at(path: str) -> Policy:
    """The policy at a dotted path."""
    found: Policy = import_string(path)
    return found


def ask(claim: Claim, content: Content, *, clock: Callable[[], float] = time.monotonic) -> Reply | Silence | None:
    """What the policy of the settings answers; None: say nothing.

    Raises PolicyOverBudget where it took too long, whatever it answered by then, and PolicyStoreFailed
    where a database failed under it; any other error of the policy passes through.
    """
    begun = clock()
    context = context_of(claim, content)
    try:
        answer = policy_at(conf().reply_policy)(context)
    except Error as exc:
        raise PolicyStoreFailed from exc
    except Parked as exc:
        raise TypeError("A reply policy cannot park an account.") from exc
    if clock() - begun > conf().reply_policy_budget_s:
        raise PolicyOverBudget(budget_s=conf().reply_policy_budget_s)
    return understood(answer)


def understood(answer: Answer) -> Reply | Silence | None:
    """The answer in its full form; TypeError or ValueError where it is none that a policy may give."""
    if isinstance(answer, str):
        answer = Reply(text=answer)
    if answer is None or (isinstance(answer, Reply) and not answer.text):
        return None
    if not isinstance(answer, Reply | Silence):
        raise TypeError(f"A reply policy answers a Reply, a str, a Silence or None, not {type(answer).__name__}.")
    said: object = answer.text if isinstance(answer, Reply) else answer.reason  # nothing holds a policy to its types
    if isinstance(answer, Reply) and not isinstance(said, str):
        raise TypeError(f"The text of a Reply is a str, not {type(said).__name__}.")
    if isinstance(answer, Silence) and not (isinstance(said, str) and _REASON.fullmatch(said)):
        raise ValueError("The reason of a Silence is 1 to 32 characters of a-z, 0-9 and _.")
    return answer


def context_of(claim: Claim, content: Content) -> ReplyContext:
    """What the policy is told about an event."""
    assert claim.conversation_id is not None
    conversation_id = claim.conversation_id
    silence = claim.seen or thread.last_answers(conversation_id)
    return ReplyContext(
        event_id=claim.event_id,
        provider=claim.provider,
        kind=claim.kind,
        account_id=claim.account,
        sender_id=content.partner or "",
        conversation_id=conversation_id,
        text=content.text,
        attachments=content.attachments,
        quick_reply=content.quick_reply,
        happened_at=claim.happened_at or claim.received_at,
        reply_deadline=reply_deadline(claim),
        last_reply_at=silence.last_reply_at,
        last_human_at=silence.last_human_at,
        attempt=claim.attempt,
        time_left_s=conf().reply_policy_budget_s,
        history=lambda count: [_past(row, said) for row, said in thread.history(conversation_id, count)],
    )


def _past(row: Message, said: dict[str, object]) -> PastMessage:
    attachments = said.get("attachments") or []
    assert isinstance(attachments, list)
    return PastMessage(
        author=row.author,
        happened_at=row.happened_at,
        text=str(said.get("text") or ""),
        attachments=tuple(Attachment(**each) for each in attachments),
    )

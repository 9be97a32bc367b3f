"""Answering one event: decide, plan, send, finish; each step safe to die after."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.utils import timezone

from instagram_webhooks import metrics
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import (
    AccountPaused,
    GraphUnreachable,
    OutcomeUnknown,
    Permanent,
    ReplyNotSettled,
    ReplyUndecided,
    WebhookError,
)
from instagram_webhooks.events import Content
from instagram_webhooks.inbox import finish
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.replies import graph_api, lookup, outbox, pause, policy, thread
from instagram_webhooks.replies.context import Silence
from instagram_webhooks.replies.handlers import Decision, Effect
from instagram_webhooks.replies.wire import Permit
from instagram_webhooks.states import HAS_NOT_LEFT, MAY_HAVE_LEFT, ReplyState
from instagram_webhooks.worker import commits, crowd
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.outcomes import AttemptsUsedUp, SendFailed
from instagram_webhooks.worker.transactions import attempted, committed

log = logging.getLogger(__name__)

Done = TypeVar("Done")

CHECK_AGAIN_S = 1.0
OUTAGE = (OutcomeUnknown, GraphUnreachable)


class Stopping(Exception):
    """This process is about to end; what is not on its way to Meta goes back."""


def answer(claim: Claim, content: Content, decision: Decision, account: pause.KnownAccount) -> None:
    """Ends the event with its reply sent, withheld or not wanted; raises what else came of it."""
    with pause.probing():
        _answer(claim, content, decision, account)


def _answer(claim: Claim, content: Content, decision: Decision, account: pause.KnownAccount) -> None:
    # Whoever claims an event for the first time finds no reply of it: only a holder writes one.
    reply = None if claim.fence == 1 else outbox.find(claim.event_id)
    if reply is None:
        _first_time(claim, content, decision, account)
    elif reply.state in MAY_HAVE_LEFT:
        _after_unknown_outcome(claim, content, account, reply)
    elif reply.state in HAS_NOT_LEFT:
        _again(claim, content, account, reply)
    else:  # sent or withheld: the effect is there, the event is not ended yet
        committed(lambda: finish.processed(claim, reply=str(reply.state)))


def _first_time(claim: Claim, content: Content, decision: Decision, account: pause.KnownAccount) -> None:
    effect = decision.effect
    assert effect is not None
    text, reason = _decided(claim, content, account)
    if life.stopping.is_set():
        raise Stopping
    to: graph_api.Destination | None = None
    if text and not reason:
        account = pause.fresh(account)
        reason = account.withholds()
        if not reason:
            account = pause.admit(account, attempt=claim.attempt)
            to = _destination(claim, content, account)
    checked_at, state = time.monotonic(), ReplyState.PLANNED if account.pause_s else ReplyState.SENDING
    reply_id = commits.begin(claim, content, text) if text and not (reason or account.pause_s) else None
    if reply_id is None:
        checked_at = time.monotonic()
        reply_id = _leased_anew(lambda: _stored(claim, content, effect, text, reason, state))
    if reason:
        metrics.REPLIES.add(claim.provider, "withheld")
    if reply_id is not None:
        assert to is not None
        _refuse_while_paused(account, reply_id)
        _send(claim, to, account, reply_id, text, checked_at)


def _stored(claim: Claim, content: Content, effect: Effect, text: str, reason: str, state: ReplyState) -> UUID | None:
    """The id of the reply to send, or None where the event has ended without one; inside a transaction."""
    finish.renew(claim)
    effect(claim, content)
    if reason:
        outbox.withhold(claim, text, reason, message_id=content.message_id)
    elif text:
        reply_id = outbox.write(claim, text, state=state, message_id=content.message_id)
        if reply_id is not None:
            return reply_id
    finish.processed(claim, withheld=reason or None)
    return None


def _decided(claim: Claim, content: Content, account: pause.KnownAccount) -> tuple[str, str]:
    """The text to send, and the reason to withhold it; both "" where the policy says nothing."""
    if timezone.now() > policy.reply_deadline(claim):
        return "", "window_closed"
    withheld = account.withholds()
    if withheld == "switched_off":
        return "", withheld
    with crowd.outside():
        answer = policy.ask(claim, content)
    if isinstance(answer, Silence):
        return "", answer.reason
    if answer is None:
        return "", ""
    return answer.text, withheld


def _again(claim: Claim, content: Content, account: pause.KnownAccount, reply: outbox.Reply) -> None:
    """Sends a reply that is known not to have left."""
    account = pause.fresh(account)  # a look-up may have taken its time
    reason = _withheld_by_now(claim, account, reply)
    if reason:
        _withhold(claim, reply, reason)
        return
    if found := lookup.echoed(claim, reply):  # a person's word to send it again may have come before the echo
        _finish_sent(claim, reply.id, reply.text(), found, counts=False)
        return
    account = pause.admit(account, attempt=claim.attempt)
    _refuse_while_paused(account, reply.id)
    if life.stopping.is_set():
        raise Stopping
    to = _destination(claim, content, account)

    def commit() -> None:
        finish.renew(claim)
        outbox.sending(reply.id)

    checked_at = time.monotonic()
    _leased_anew(commit)
    _send(claim, to, account, reply.id, reply.text(), checked_at)


def _withheld_by_now(claim: Claim, account: pause.KnownAccount, reply: outbox.Reply) -> str:
    if timezone.now() > policy.reply_deadline(claim):
        return "window_closed"
    withheld = account.withholds()
    if withheld != "switched_off" and thread.is_deleted(claim):
        return "deleted"
    return withheld or ("human" if reply.called_at is None and _a_person_answered(claim) else "")


def _a_person_answered(claim: Claim) -> bool:
    """Whether somebody has since this message came: what was planned then and held back for long would come after."""
    at = thread.last_answers(claim.conversation_id).last_human_at if claim.conversation_id else None
    return at is not None and conf().human_pause_s > 0 and at > (claim.happened_at or claim.received_at)


def _withhold(claim: Claim, reply: outbox.Reply, reason: str) -> None:
    def commit() -> None:
        finish.processed(claim, withheld=reason)
        outbox.withhold_planned(reply.id, reason)

    committed(commit)
    metrics.REPLIES.add(claim.provider, "withheld")


def _after_unknown_outcome(claim: Claim, content: Content, account: pause.KnownAccount, reply: outbox.Reply) -> None:
    """Looks up whether the reply is there before anything else, also after the last attempt."""
    account = pause.admit(account, attempt=claim.attempt)
    _refuse_while_paused(account, reply.id)
    try:
        with crowd.outside():
            found = lookup.resolve(claim, reply, _destination(claim, content, account), account)
    except lookup.NotDelivered as exc:
        raise SendFailed(exc.error, reply_id=reply.id, account=account) from exc
    except WebhookError as exc:
        if isinstance(exc.__cause__, OUTAGE):
            pause.count_failure(account)
        # A look-up that failed says nothing of the reply, so its row stays as it is: in `sending`.
        settles = reply.id if isinstance(exc, ReplyUndecided | ReplyNotSettled) else None
        raise SendFailed(exc, reply_id=settles, account=account) from exc
    log.info("reply.looked_up", extra={"found": found is not None, "attempt": claim.attempt})
    if found is None and claim.attempt <= conf().max_attempts:
        _again(claim, content, account, reply)
        return
    if found is None:
        raise AttemptsUsedUp(reply)
    _finish_sent(claim, reply.id, reply.text(), found, counts=False)


def _refuse_while_paused(account: pause.KnownAccount, reply_id: UUID) -> None:
    if account.pause_s > 0:
        outbox.hold(reply_id)
        raise AccountPaused(wait_s=account.pause_s)


def _send(
    claim: Claim,
    to: graph_api.Destination,
    account: pause.KnownAccount,
    reply_id: UUID,
    text: str,
    checked_at: float,
) -> None:
    """The call to Meta, with no transaction open. The commit of `sending` was the last check of the fence.

    This process may be stopped at any line: where the first byte is late, the claim is checked again.
    """

    def checked_again() -> float:
        """Also the time of the call moves: a look-up counts from it, and must not find this call too old to be away."""

        def commit() -> None:
            finish.renew(claim)
            outbox.sending(reply_id)

        now = time.monotonic()
        _leased_anew(commit)
        return now + CHECK_AGAIN_S

    try:
        permit = Permit(checked_at + CHECK_AGAIN_S, checked_again)
        with crowd.outside():
            message_id = graph_api.send_text(to, text, reply_id=reply_id, permit=permit)
    except WebhookError as exc:
        metrics.REPLIES.add(claim.provider, _came_to(exc))
        if not isinstance(exc, OUTAGE):
            attempted(lambda: pause.count_answer(account))
        raise SendFailed(exc, reply_id=reply_id, account=account) from exc
    attempted(lambda: pause.count_answer(account))
    if commits.end(claim, reply_id, text, message_id, sent_at=timezone.now()):
        metrics.REPLIES.add(claim.provider, "sent")
    else:
        _finish_sent(claim, reply_id, text, message_id)


def _came_to(error: WebhookError) -> str:
    """What a call that failed means for its reply, in a word."""
    if isinstance(error, OutcomeUnknown):
        return "unknown"
    return "refused" if isinstance(error, Permanent) else "postponed"


def _leased_anew(act: Callable[[], Done]) -> Done:
    """As `committed`, for what begins the lease anew: a slot that is past its first one is not stuck then."""
    done = committed(act)
    life.begin_again()
    return done


def _finish_sent(claim: Claim, reply_id: UUID, text: str, message_id: str, *, counts: bool = True) -> None:
    def commit() -> None:
        sent_at = timezone.now()
        finish.processed(claim, counts=counts, reply="sent")
        thread.mark_reply(claim, sent_at)
        thread.add_reply(claim, text, outbox.sent(reply_id, message_id), sent_at)

    committed(commit)
    metrics.REPLIES.add(claim.provider, "sent" if counts else "found")


def _destination(claim: Claim, content: Content, account: pause.KnownAccount) -> graph_api.Destination:
    """Made before a reply is said to be on its way: raises PayloadSealBroken where the token cannot be opened."""
    return graph_api.Destination(
        provider=claim.provider, account=claim.account, partner=content.partner or "", token=account.token()
    )

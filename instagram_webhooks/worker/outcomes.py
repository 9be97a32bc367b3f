"""
What a failure makes of an event: retrying, parked, dead or handed back. The class of the error decides.

Each is one transaction: the event's move, its audit entry, the state of its reply, the dead letter.
"""

import logging
import math
import re
from uuid import UUID

from dead_letters.bury import BuriedError, bury
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import (
    GraphThrottledFor,
    GraphUnreachable,
    OutcomeUnknown,
    Parked,
    Permanent,
    ReplyNotSettled,
    ReplyUndecided,
    Retryable,
    Waiting,
    WebhookError,
    WorkerKiller,
)
from instagram_webhooks.inbox import finish
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.inbox.replay import EventSubject
from instagram_webhooks.replies import outbox, pause
from instagram_webhooks.replies.graph_errors import LONGEST_WAIT_S
from instagram_webhooks.worker.retries import TryAgain
from instagram_webhooks.worker.transactions import attempted, committed

log = logging.getLogger(__name__)

FACTS = {"status", "graph_code", "graph_subcode", "wait_s", "lookups", "absent", "budget_s", "starts",
         "signal", "seconds", "exit_code", "peak_mb"}  # fmt: skip
GIVEN_UP_S = 1.0
_CODE = re.compile(r"[a-z0-9_]{1,32}")


class SendFailed(Exception):
    """A call to Meta failed; carries what its outcome transaction needs.

    reply_id: the reply that the error settles, or None where it says nothing of the reply.
    """

    def __init__(self, error: WebhookError, *, reply_id: UUID | None, account: pause.KnownAccount) -> None:
        super().__init__(error.code)
        self.error, self.reply_id, self.account = error, reply_id, account


class AttemptsUsedUp(Exception):
    """The last attempt's reply was looked up and is not there; `reply` knows what that attempt met."""

    def __init__(self, reply: outbox.Reply) -> None:
        super().__init__(reply.error_code)
        self.reply = reply


def send_failed(claim: Claim, failure: SendFailed) -> TryAgain | None:
    """Settles a failed call: first what the account has to do with it, then reply and event together."""
    error, account = failure.error, failure.account
    if isinstance(error, GraphThrottledFor):
        attempted(lambda: pause.leave_alone(account, error.wait_s))
    elif isinstance(error, OutcomeUnknown | GraphUnreachable):
        attempted(lambda: pause.count_failure(account))
    return failed(claim, error, reply_id=failure.reply_id, account=account)


def failed(
    claim: Claim, error: Exception, *, reply_id: UUID | None = None, account: pause.KnownAccount | None = None
) -> TryAgain | None:
    """Commits what the error means for the event; TryAgain where it is to be tried again."""
    if isinstance(error, Retryable):
        return _retry(claim, error, reply_id)
    if isinstance(error, Parked):
        _park(claim, error, reply_id, account)
    elif isinstance(error, WebhookError):
        buried = _buried(error)
        committed(lambda: _die(claim, buried, reply_id, error=error))
        _tell_death(claim, buried)
    else:
        buried = BuriedError.of_bug(error)
        committed(lambda: _die(claim, buried, reply_id))
        _tell_death(claim, buried)
    return None


def _retry(claim: Claim, error: Retryable, reply_id: UUID | None) -> TryAgain | None:
    counts = not isinstance(error, Waiting)
    is_last = counts and claim.attempt >= conf().max_attempts
    may_have_left = isinstance(error, OutcomeUnknown) and reply_id is not None
    if is_last and not may_have_left:
        buried = _buried(error)
        committed(lambda: _die(claim, buried, reply_id, error=error))
        _tell_death(claim, buried)
        return None
    # After the last attempt only the look-up is left, which needs no longer wait than the listing does.
    wait_s = conf().reply_settle_s if is_last else conf().delay_s(claim.attempt)
    if isinstance(error, Waiting):  # a policy may raise one too, with any number in it
        wait_s = error.wait_s if 0 <= error.wait_s <= LONGEST_WAIT_S else LONGEST_WAIT_S

    def commit() -> None:
        finish.retrying(claim, wait_s=wait_s, counts=counts, detail=_known_facts(error))
        _settle_reply(reply_id, error)

    committed(commit)
    log.info("event.retrying", extra={**_about(claim), "code": error.code, "delay_s": round(wait_s, 3)})
    return TryAgain(event_id=claim.event_id, wait_s=wait_s)


def _park(claim: Claim, error: Parked, reply_id: UUID | None, account: pause.KnownAccount | None) -> None:
    def commit() -> None:
        finish.parked(claim, error.reason, _known_facts(error))
        _settle_reply(reply_id, error)
        if account is not None:
            pause.park(account, error)

    committed(commit)
    log.warning("event.parked", extra={**_about(claim), "code": error.code, "reason": error.reason})


def attempts_used_up(claim: Claim, reply: outbox.Reply) -> None:
    """The event dies of what its last attempt met; its reply is known not to have left."""
    buried = BuriedError(
        error_class=reply.error_class,
        code=reply.error_code,
        summary="The Graph API failed in every attempt; the reply was looked up and never left.",
        upstream_code=reply.graph_code,
        upstream_subcode=reply.graph_subcode,
    )

    def commit() -> None:
        outbox.never_left(reply.id)
        _die(claim, buried, None, attempts=claim.attempt - 1)

    committed(commit)
    _tell_death(claim, buried)


def give_up(claim: Claim, *, code: str = "database_failed") -> TryAgain:
    """Tries the event again soon, unharmed: what the database did, or the machine, is no outcome of it.

    Not at once: what failed may fail again at once, and each turn leaves an audit entry.
    """
    committed(lambda: finish.retrying(claim, wait_s=GIVEN_UP_S, counts=False, detail={"code": code}))
    return TryAgain(event_id=claim.event_id, wait_s=GIVEN_UP_S)


def hand_back(claim: Claim) -> None:
    """Gives the event up unharmed, at once claimable by another worker."""
    committed(lambda: finish.handed_back(claim))
    log.info("event.handed_back", extra=_about(claim))


def _die(
    claim: Claim,
    buried: BuriedError,
    reply_id: UUID | None,
    *,
    error: WebhookError | None = None,
    attempts: int | None = None,
) -> None:
    detail = {
        **(_known_facts(error) if error is not None else {}),
        "code": buried.code,
        "graph_code": buried.upstream_code,
        "graph_subcode": buried.upstream_subcode,
    }
    finish.dead(claim, {name: value for name, value in detail.items() if value is not None}, counts=attempts is None)
    if error is not None:
        _settle_reply(reply_id, error)
    outbox.undecided(claim.event_id)
    bury(
        subject_kind=EventSubject.KIND,
        subject_id=claim.event_id,
        lane=claim.lane,
        order_at=claim.order_at,
        provider=claim.provider,
        kind=claim.kind,
        account_label=claim.account,
        correlation_id=claim.correlation_id,
        error=buried,
        attempts=claim.attempt if attempts is None else attempts,
    )


def _settle_reply(reply_id: UUID | None, error: WebhookError) -> None:
    """What the failure says about the reply: it may have left, it may go later, or it never will."""
    if reply_id is None or isinstance(error, ReplyUndecided):
        return  # the death itself leaves a reply that may have left as undecided
    if isinstance(error, OutcomeUnknown):
        outbox.unknown(reply_id, error)
    elif isinstance(error, ReplyNotSettled):
        outbox.looked_up(reply_id, absent=bool(error.facts.get("absent")))
    elif isinstance(error, Permanent):
        outbox.failed(reply_id, error)
    elif not isinstance(error, Waiting) or isinstance(error, GraphThrottledFor):
        outbox.planned(reply_id, error)


def _buried(error: WebhookError) -> BuriedError:
    """In words of ours: an error's own docstring, never what a foreign service said."""
    summary = (type(error).__doc__ or type(error).__name__).strip().splitlines()[0]
    if isinstance(error, WorkerKiller):  # all that is known of its end
        facts = {name: value for name, value in _known_facts(error).items() if name != "code"}
        summary += f" Alone: {', '.join(f'{name} {value}' for name, value in facts.items())}."
    return BuriedError(
        error_class=type(error).__name__,
        code=_code(error),
        summary=summary,
        upstream_code=_number(error.facts.get("graph_code")),
        upstream_subcode=_number(error.facts.get("graph_subcode")),
    )


def _known_facts(error: WebhookError) -> dict[str, object]:
    """What of an error is written down for ever: its code, and numbers under names of ours.

    A policy's errors are of the same tree, and may carry anything.
    """
    facts = {name: value for name, value in error.facts.items() if name in FACTS and _is_number(value)}
    return {"code": _code(error), **facts}


def _code(error: WebhookError) -> str:
    return error.code if _CODE.fullmatch(error.code) else "malformed_code"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _about(claim: Claim) -> dict[str, object]:
    return {"provider": claim.provider, "kind": claim.kind, "attempt": claim.attempt}


def _tell_death(claim: Claim, buried: BuriedError) -> None:
    log.error("event.failed", extra={**_about(claim), "code": buried.code, "error_class": buried.error_class,
                                     "graph_code": buried.upstream_code})  # fmt: skip

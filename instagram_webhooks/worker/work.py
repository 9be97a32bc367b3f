"""
Working off one event, in five steps: claim, open, apply, send, finish.

Whatever happens, the event ends in a recorded outcome, is handed back, or is left to its lease.
"""

import contextlib
import logging
import time
from collections.abc import Callable
from uuid import UUID

from django.utils import timezone

from audit import correlation
from instagram_webhooks import metrics, providers
from instagram_webhooks.errors import Parked, PayloadGone, Unreadable, WorkerKiller
from instagram_webhooks.events import EventJob
from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox import finish, moves, wake_ups
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.inbox.line import DATABASE_FAILED
from instagram_webhooks.models import EventPayload, WebhookEvent
from instagram_webhooks.replies import handlers, outbox, pause, thread
from instagram_webhooks.vault import open_sealed
from instagram_webhooks.worker import alone, answering, commits, crowd, outcomes, taking, visit
from instagram_webhooks.worker.answering import Stopping
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.outcomes import AttemptsUsedUp, SendFailed
from instagram_webhooks.worker.retries import TryAgain
from instagram_webhooks.worker.second_look import second_look
from instagram_webhooks.worker.taking import Taken
from instagram_webhooks.worker.transactions import committed, drop_connection, settled

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0  # where much is to be done some slot always commits, and each look locks what all of them have


def process(event_id: UUID) -> None:
    """Works off the head of this event's lane, and goes on with the lane for at most 8 events or a second.

    Raises TryAgain for an event that failed and waits, after that was committed. A wake-up that
    comes twice, too early or too late finds nothing to claim.
    """
    if event_id in commits.processed_here:
        return
    with crowd.at_work():
        taken = _taken(taking.by_event, event_id)
        if taken.rests:
            _park_if_account_is(event_id)
        _visit(taken.claim)


def _visit(claim: Claim | None) -> None:
    with visit.begun() as here:
        while claim is not None:
            here.events += 1
            try:
                _settle(claim)
            except TryAgain:
                _offer_what_goes_before(claim)
                raise
            lane, (following, is_through) = claim.lane, here.taken()
            if lane is None:
                return
            if is_through or (following is None and not here.goes_on()):
                second_look.take(lane)
                return
            claim = following or _next_of(lane)


def _next_of(lane: UUID) -> Claim | None:
    try:
        return _taken(taking.by_lane, lane).claim
    except DATABASE_FAILED:
        second_look.take(lane)  # what came while this slot was there has spent its wake-up
        raise


def _offer_what_goes_before(failed: Claim) -> None:
    """Offers an older event that came meanwhile: it found the lane busy, and its wake-up is spent."""
    if failed.lane is None:
        return
    with contextlib.suppress(*DATABASE_FAILED):  # then the sweep offers it
        if (head := claims.head_of(failed.lane)) not in (None, failed.event_id):
            wake_ups.offer([head])


def _taken(take: Callable[[UUID], Taken], name: UUID) -> Taken:
    """What `take` gives, asked once more where the database failed under it.

    The claim may have been made and its answer lost. It is given back first, or by the upkeep once
    the database answers: nobody works on it, and it would wait for the end of its lease. Of another slot
    that is just claiming this may take a claim too; that slot is then fenced out before it does anything.
    """
    try:
        return _tried(take, name)
    except DATABASE_FAILED:
        drop_connection()
    return _tried(take, name)


def _tried(take: Callable[[UUID], Taken], name: UUID) -> Taken:
    give_back_unknown()
    try:
        return take(name)
    except DATABASE_FAILED:
        life.may_hold_more = True
        raise


def give_back_unknown() -> None:
    """Gives back what this process claimed without hearing of it."""
    if life.may_hold_more and time.monotonic() >= life.looks_again_at:
        life.may_hold_more = False  # first: another slot may lose an answer meanwhile
        try:
            given, is_all = moves.give_back_unknown(life.worker_id, at_work=life.at_work)
        except BaseException:
            life.may_hold_more = True
            raise
        if not is_all:
            life.may_hold_more, life.looks_again_at = True, time.monotonic() + LOOK_AGAIN_S
        wake_ups.offer([moved.event_id for moved in given])  # whoever looked at their lanes saw that they were held


def process_held(event_id: UUID, fence: int, *, begun: Callable[[], object]) -> None:
    """Works off one event that the parent of this process has claimed; `begun` is called where it still has it.

    MemoryError and what is no Exception pass through: the parent judges them.
    """
    claim = settled(lambda: claims.held(event_id, fence=fence))
    if claim is None:
        return
    try:
        committed(lambda: finish.renew(claim))  # the work has a whole lease, however long this process took to start
    except finish.FencedOut:
        return
    begun()
    with contextlib.suppress(TryAgain):  # committed; the sweep finds it when its time has come
        _settle(claim, _attempt)


def _settle(claim: Claim, act: Callable[[Claim], TryAgain | None] | None = None) -> None:
    """Brings one claim to its end; raises TryAgain where it is to be tried again."""
    if act is None:
        act = _guarded_attempt if claim.starts < alone.FROM_START else _set_apart
    begun = time.monotonic()
    with correlation.bind(correlation_id=claim.correlation_id, event_id=claim.event_id), life.busy(claim.event_id):
        try:
            again = _recorded(claim, act)
        except finish.FencedOut:
            log.warning("event.fenced_out", extra={"attempt": claim.attempt})
            return
        except DATABASE_FAILED as exc:
            again = _give_up(claim, exc)
        duration_ms = round((time.monotonic() - begun) * 1000, 1)
        log.debug("event.settled", extra={"kind": claim.kind, "duration_ms": duration_ms})
        if again is not None:
            raise again


def _recorded(claim: Claim, act: Callable[[Claim], TryAgain | None]) -> TryAgain | None:
    """What `act` makes of it. Where no outcome can be recorded it is buried as a bug: it would live for ever."""
    try:
        return act(claim)
    except (finish.FencedOut, *DATABASE_FAILED, MemoryError):
        raise
    except Exception as exc:  # noqa: BLE001 (whatever kept it from being recorded)
        return outcomes.failed(claim, exc)


def _set_apart(claim: Claim) -> TryAgain | None:
    """Lost so often, it runs in a child of its own, which records the outcome; all but its being a killer."""
    try:
        with crowd.outside():
            alone.work_off(claim)
    except WorkerKiller as exc:
        return outcomes.failed(claim, exc)
    except OSError as exc:  # no process, no pipe, no memory for one: the machine's shortage, and no outcome
        log.warning("event.not_set_apart", extra={"starts": claim.starts, "error_class": type(exc).__name__})
        return outcomes.give_up(claim, code="not_set_apart")
    return None


def _guarded_attempt(claim: Claim) -> TryAgain | None:
    try:
        return _attempt(claim)
    except MemoryError:  # whose fault it is shows when the event runs alone
        log.critical("event.left_to_lease", extra={"starts": claim.starts, "error_class": "MemoryError"})
        return None


def _attempt(claim: Claim) -> TryAgain | None:
    try:
        begun = time.monotonic()
        how = _work_on(claim)
        log.info(how, extra={"provider": claim.provider, "kind": claim.kind, "attempt": claim.attempt,
                             "duration_ms": round((time.monotonic() - begun) * 1000, 1)})  # fmt: skip
        return None
    except Stopping:
        outcomes.hand_back(claim)
        return None
    except (finish.FencedOut, *DATABASE_FAILED, MemoryError):
        raise
    except SendFailed as failure:
        return outcomes.send_failed(claim, failure)
    except AttemptsUsedUp as end:
        outcomes.attempts_used_up(claim, end.reply)
        return None
    except Exception as exc:  # noqa: BLE001 (outside the tree: a bug, ours or the policy's, and buried as one)
        return outcomes.failed(claim, exc)


def _work_on(claim: Claim) -> str:
    """How it ended, as the audit log names it."""
    job = _opened(claim)
    if claim.kind == "unreadable":
        raise Unreadable
    account = pause.of(claim)
    content = providers.content(job.provider, claim.kind, job.payload)
    decision = handlers.decide(claim.kind, content)
    if decision.ignored:
        committed(lambda: finish.ignored(claim, decision.ignored))
        return "event.ignored"
    if _deleted(claim) and not outbox.may_have_left(claim.event_id):
        committed(lambda: _leave_unanswered(claim))
        return "event.ignored"
    if decision.may_reply:
        answering.answer(claim, content, decision, account)
    else:
        effect = decision.effect
        assert effect is not None

        def commit() -> None:
            finish.processed(claim)
            effect(claim, content)

        committed(commit)
    since = max(claim.received_at, claim.order_at)  # as inbox/heads.py has it
    metrics.PROCESSED.observe((timezone.now() - since).total_seconds())
    return "event.processed"


def _leave_unanswered(claim: Claim) -> None:
    finish.ignored(claim, "deleted")
    outbox.withhold_of_event(claim.event_id, "deleted")


def _opened(claim: Claim) -> EventJob:
    """The typed job; raises PayloadGone or PayloadSealBroken."""
    if claim.sealed is None:
        raise PayloadGone
    payload = open_sealed(claim.sealed, place=EventPayload.PLACE, row_id=claim.event_id)
    return EventJob(
        event_id=claim.event_id, provider=claim.provider, payload=payload, correlation_id=claim.correlation_id
    )


def _deleted(claim: Claim) -> bool:
    """Whatever of a message is worked off after its deletion is not shown and not answered.

    At its first claim what the claim saw is enough: to ask whether a deletion waits behind it costs a query.
    """
    if claim.kind not in ("message", "message_edit", "postback"):
        return False
    return claim.seen.is_deleted if claim.seen and claim.fence == 1 else thread.is_deleted(claim)


def _give_up(claim: Claim, exc: Exception) -> TryAgain | None:
    """The database failed: no outcome. Tried again soon if it answers by now, else left to the lease."""
    log.warning("event.database_failed", extra={"error_class": type(exc).__name__})
    drop_connection()
    try:
        return outcomes.give_up(claim)
    except DATABASE_FAILED:
        drop_connection()
        log.warning("event.left_to_lease")
    except finish.FencedOut:
        log.warning("event.fenced_out", extra={"attempt": claim.attempt})
    return None


def _park_if_account_is(event_id: UUID) -> None:
    """An account that is not active parks every event that a wake-up names, also behind a parked head."""
    event = WebhookEvent.objects.filter(pk=event_id).only("provider", "account", "lane", "kind").first()
    if event is None or event.lane is None:
        return
    try:
        pause.find(event.provider, event.account)
    except Parked as exc:
        moves.park(event_id, exc.reason)

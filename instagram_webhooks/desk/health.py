"""
How the whole stands, for whoever is called at night: what is wrong, since when and for whom.

Each question costs by its answer and not by what is stored: counts end at a bound and after a while, the oldest is the
first row of an index, and what happened over time was counted minute by minute (inbox/minutes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from audit.pages import marks
from audit.pages.limits import in_time
from dead_letters import causes
from instagram_webhooks.conf import conf
from instagram_webhooks.desk import beats
from instagram_webhooks.desk.accounts import Unknown, unknown_accounts
from instagram_webhooks.inbox import heads, turn
from instagram_webhooks.inbox.wake_ups import Broker, BrokerAway
from instagram_webhooks.models import Account, AccountState, Incident, Worker
from instagram_webhooks.models.account import Replies

CAP = 1000
CAUSES_SHOWN = 8
ASKED_FOR_MS = 200
TOO_LONG_S = 900.0  # where no alarm says how long a conversation may wait
TOKEN_ENDS = timedelta(days=14)
WORKERS, UPKEEP = "instagram_webhooks_worker", "instagram_webhooks_turn"
ALERTS = "instagram_webhooks_incident"
# What this page finds out and says itself.
_TOLD_HERE = {"new_cause", "recurrence", "waiting_head", "no_worker", "silent_beat", "account_stopped", "token_ends"}
_BLOCKED = """
SELECT count(*) FROM (SELECT 1 FROM instagram_webhooks_webhookevent e WHERE {is_blocked} LIMIT %(cap)s) counted
"""
_OLDEST = f"""
SELECT extract(epoch FROM statement_timestamp() - {heads.WAITS_SINCE.format(e="e")})::float8
  FROM instagram_webhooks_webhookevent e
 WHERE e.lane IS NOT NULL AND e.finished_at IS NULL AND e.place >= 0
 ORDER BY {heads.WAITS_SINCE.format(e="e")}, e.event_id LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What is so now. Counts end at CAP + 1; oldest_s: 0 where no conversation waits.

    ready: wake-ups in the queue; None: the broker does not answer. oldest_s, blocked: None where it took too long to
    find out. alerts: kinds of those that go on, the longest first.
    """

    workers: int
    last_pulse_at: datetime | None
    swept_at: datetime | None
    beat: beats.Beat
    ready: int | None
    queue_delay: beats.Delay
    oldest_s: float | None
    blocked: int | None
    pressing: causes.Pressing
    alerts: Sequence[str]
    accounts: Sequence[Account]
    unknown: Sequence[Unknown]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs a person, in a sentence. page: the address of its list, by its name; "": there is none.

    key: of the one row that it is about. is_grave: customers notice.
    """

    words: str
    page: str = ""
    is_grave: bool = True
    key: object = None


def health() -> Health:
    """Asks everything once."""
    pulses = Worker.objects.order_by("-pulse_at")
    alive = pulses.filter(stopped_at=None, pulse_at__gt=Now() - timedelta(seconds=conf().worker_silent_s))
    started, turns = list(alive.values_list("started_at", flat=True)[: CAP + 1]), turn.taken()
    return Health(
        workers=len(started),
        last_pulse_at=pulses.values_list("pulse_at", flat=True).first(),
        swept_at=turns.get("sweep"),
        beat=beats.beat(turns.get(turn.BEAT), worked_since=min(started, default=None)),
        ready=_ready(),
        queue_delay=beats.queue_delay(),
        oldest_s=_number(f"SELECT coalesce(({_OLDEST}), 0)"),
        blocked=_number(_BLOCKED.format(is_blocked=heads.is_blocked("e")), cap=CAP + 1),
        pressing=causes.pressing(most=CAUSES_SHOWN),
        alerts=list(Incident.objects.filter(ended_at=None).order_by("begun_at").values_list("kind", flat=True)[:CAP]),
        accounts=_accounts(),
        unknown=unknown_accounts(),
    )


def troubles(now: Health) -> list[Trouble]:
    """What needs a person, the gravest first; empty: all is well."""
    found = [*_of_service(now), *_of_accounts(now)]
    if now.oldest_s is None:
        said = "Whether a conversation waits was not found out in time: the database is busy."
        found.append(Trouble(said, "instagram_webhooks_blockedconversation"))
    longest = conf().alert_head_age_s or TOO_LONG_S
    if now.oldest_s and now.oldest_s > longest:
        blocked = "" if now.blocked is None else f"; {many(now.blocked, 'conversation')} blocked"
        said = f"The oldest event has waited {marks.span(now.oldest_s)}{blocked}."
        found.append(Trouble(said, "instagram_webhooks_blockedconversation"))
    if others := [kind for kind in now.alerts if kind not in _TOLD_HERE]:
        kinds = ", ".join(dict.fromkeys(kind.replace("_", " ") for kind in others))
        go = "goes" if len(others) == 1 else "go"
        found.append(Trouble(f"{many(len(others), 'alert')} {go} on: {kinds}.", ALERTS))
    if now.pressing.count:
        letters = f"{many(now.pressing.letters, 'dead letter')} of {many(now.pressing.count, 'cause')}"
        found.append(Trouble(f"{letters} to look at.", "dead_letters_cause", is_grave=False))
    return sorted(found, key=lambda trouble: not trouble.is_grave)


def _of_service(now: Health) -> list[Trouble]:
    found = []
    if not now.workers:
        since = f"the last pulse was {_age(now.last_pulse_at)} ago" if now.last_pulse_at else "none ever had one"
        found.append(Trouble(f"No worker is alive, so nothing is worked off: {since}.", WORKERS))
    if now.ready is None:
        found.append(Trouble("The broker does not answer: workers find events by the sweep, later than usual."))
    elif now.beat.is_silent:
        found.append(Trouble(f"{now.beat.words} Daily jobs wait.", UPKEEP, is_grave=False))
    return found


def _of_accounts(now: Health) -> list[Trouble]:
    clock = timezone.now()
    soon = clock + TOKEN_ENDS
    active = _in_state(now, AccountState.ACTIVE)
    kinds = (
        (True, "wait{s} for a new token", _in_state(now, AccountState.TOKEN)),
        (True, "wait{s} for Meta to lift its block", _in_state(now, AccountState.BLOCKED)),
        (False, "{is} paused by hand", [a for a in active if _is_after(a.hand_paused_until, clock)]),
        (False, "{is} left alone for a while, after failures", [a for a in active if _is_after(a.paused_until, clock)]),
        (False, "get{s} no replies: they are switched off", [a for a in active if a.replies == Replies.OFF]),
        (False, "{is} in shadow mode: replies are not sent", [a for a in active if a.replies == Replies.SHADOW]),
        (True, "need{s} a new token: it has run out", [a for a in active if _is_after(clock, a.token_expires_at)]),
        (False, "need{s} a new token within 14 days", [a for a in active if _ends_between(a, clock, soon)]),
    )
    found = [_trouble(words, accounts, is_grave=is_grave) for is_grave, words, accounts in kinds if accounts]
    if now.unknown:
        names = _list([f"{each.provider} {each.account_id}" for each in now.unknown])
        found.insert(0, Trouble(f"Events wait for what was never connected: {names}.", "instagram_webhooks_account"))
    return found


def _in_state(now: Health, state: AccountState) -> list[Account]:
    return [account for account in now.accounts if account.state == state]


def _trouble(words: str, accounts: Sequence[Account], *, is_grave: bool) -> Trouble:
    one = len(accounts) == 1
    said = words.format(s="s" if one else "", **{"is": "is" if one else "are"})
    names = _list([str(each) for each in accounts])
    return Trouble(f"{names} {said}.", "instagram_webhooks_account", is_grave, accounts[0].pk if one else None)


def _ends_between(account: Account, begin: datetime, end: datetime) -> bool:
    return account.token_expires_at is not None and begin <= account.token_expires_at < end


def _is_after(late: datetime | None, early: datetime | None) -> bool:
    return late is not None and early is not None and late > early


def sentence(now: Health, found: Sequence[Trouble]) -> str:
    """The state of everything, to be read before anything else."""
    grave = [trouble for trouble in found if trouble.is_grave]
    if grave:
        return f"Degraded: {grave[0].words}"
    if found:
        return f"Running, and something needs you: {found[0].words}"
    waits = f"the oldest event has waited {marks.span(now.oldest_s)}" if now.oldest_s else "no conversation waits"
    return f"All is well: {many(now.workers, 'worker')} at work, {waits}."


def _ready() -> int | None:
    broker = Broker()
    try:
        return broker.depth()
    except BrokerAway:
        return None
    finally:
        broker.close()


def _number(statement: str, **values: object) -> Any:
    """The one number that it gives; None where it took too long: the page does not wait for it."""

    def ask() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)  # type: ignore[arg-type]
            return cursor.fetchone()

    row = in_time(ask, ms=ASKED_FOR_MS)
    return row[0] if row else None


def _accounts() -> list[Account]:
    """Those that need somebody: stopped, left alone, switched off, or soon without a token."""
    soon = timezone.now() + TOKEN_ENDS
    needing = (
        Account.objects.exclude(state=AccountState.ACTIVE)
        | Account.objects.filter(token_expires_at__lt=soon)
        | Account.objects.exclude(replies=Replies.ON)
        | Account.objects.filter(paused_until__gt=Now())
        | Account.objects.filter(hand_paused_until__gt=Now())
    )
    return list(needing.order_by("state", "label", "account_id")[:CAP])


def _list(names: Sequence[str], *, most: int = 3) -> str:
    if len(names) <= most:
        return " and ".join([", ".join(names[:-1]), names[-1]] if names[:-1] else names)
    return f"{len(names)} accounts, {', '.join(names[:most])} among them,"


def capped(count: int) -> str:
    """The count, as far as was counted."""
    return marks.capped(count, CAP)


def many(count: int, what: str) -> str:
    """So many of what, as far as was counted."""
    return f"{capped(count)} {what}{'' if count == 1 else 's'}"


def _age(at: datetime) -> str:
    return marks.span((timezone.now() - at).total_seconds())

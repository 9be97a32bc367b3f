"""
How the whole stands, for whoever is called at night: what is wrong, since when and for whom.

Each question costs by its answer and not by what is stored: counts end at a bound, the oldest is the first row
of an index, and what happened over time was counted minute by minute (inbox/minutes.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from dead_letters import causes
from dead_letters.models import Cause, CauseState, DeadLetter, Status
from instagram_webhooks.conf import conf
from instagram_webhooks.inbox import heads
from instagram_webhooks.inbox.wake_ups import Broker, BrokerAway
from instagram_webhooks.models import Account, AccountState, Turn, Worker

CAP = 1000
CAUSES_SHOWN = 8
TOKEN_ENDS = timedelta(days=14)
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
    """What is so now. Counts end at CAP + 1; ages are seconds, None where there is nothing to be old.

    ready: wake-ups in the queue; None: the broker does not answer.
    sweep_s: since the sweep was last anybody's turn.
    """

    workers: Sequence[Worker]
    last_pulse_at: datetime | None
    ready: int | None
    oldest_s: float | None
    blocked: int
    open_letters: int
    causes: Sequence[Cause]
    accounts: Sequence[Account]
    sweep_s: float | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs a person, in a sentence. is_grave: customers notice. page: the name of its list."""

    words: str
    page: str
    is_grave: bool = True


def health() -> Health:
    """Asks everything once."""
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKED.format(is_blocked=heads.is_blocked("e")), {"cap": CAP + 1})
        (blocked,) = cursor.fetchone() or (0,)
        cursor.execute(_OLDEST)
        oldest = cursor.fetchone()
    pulses = Worker.objects.order_by("-pulse_at")
    alive = pulses.filter(stopped_at=None, pulse_at__gt=Now() - timedelta(seconds=conf().worker_silent_s))
    newest = pulses.first()
    turn = Turn.objects.filter(pk="sweep").first()
    return Health(
        workers=list(alive.order_by("host", "pid")[:CAP]),
        last_pulse_at=newest.pulse_at if newest else None,
        ready=_ready(),
        oldest_s=oldest[0] if oldest else None,
        blocked=blocked,
        open_letters=DeadLetter.objects.filter(status=Status.OPEN)[: CAP + 1].count(),
        causes=_causes(),
        accounts=_accounts(),
        sweep_s=(timezone.now() - turn.free_at).total_seconds() if turn else None,
    )


def troubles(now: Health) -> list[Trouble]:
    """What needs a person, the gravest first; empty: all is well."""
    found: list[Trouble] = []
    if not now.workers:
        since = f"the last pulse was {_age(now.last_pulse_at)} ago" if now.last_pulse_at else "none ever had one"
        found.append(Trouble(f"No worker is alive, so nothing is worked off: {since}.", "webhookevent"))
    if now.ready is None:
        found.append(Trouble("The broker does not answer: workers find events by the sweep, later than usual.", ""))
    stopped = [account for account in now.accounts if account.state != AccountState.ACTIVE]
    for state, words in ((AccountState.TOKEN, "a new token"), (AccountState.BLOCKED, "Meta to lift its block")):
        names = [str(account) for account in stopped if account.state == state]
        if names:
            found.append(Trouble(f"{_list(names)} wait{'s' if len(names) == 1 else ''} for {words}.", "account"))
    if now.oldest_s and conf().alert_head_age_s and now.oldest_s > conf().alert_head_age_s:
        blocked = f"{_many(now.blocked, 'conversation')} blocked"
        found.append(Trouble(f"The oldest event has waited {span(now.oldest_s)}; {blocked}.", "blockedconversation"))
    if now.open_letters:
        letters = f"{_many(now.open_letters, 'dead letter')} of {_many(len(now.causes), 'cause')}"
        found.append(Trouble(f"{letters} to look at.", "cause", is_grave=False))
    return found


def sentence(now: Health, found: Sequence[Trouble]) -> str:
    """The state of everything, to be read before anything else."""
    grave = [trouble for trouble in found if trouble.is_grave]
    if grave:
        return f"Degraded: {grave[0].words}"
    if found:
        return f"Running, and something needs you: {found[0].words}"
    waits = f"the oldest event has waited {span(now.oldest_s)}" if now.oldest_s else "nothing waits"
    return f"All is well: {_many(len(now.workers), 'worker')} at work, {waits}."


def _ready() -> int | None:
    broker = Broker()
    try:
        return broker.depth()
    except BrokerAway:
        return None
    finally:
        broker.close()


def _causes() -> list[Cause]:
    """Those with open letters that nobody dealt with, the most open first."""
    open_ones = Cause.objects.filter(state__in=(CauseState.OPEN, CauseState.ACKNOWLEDGED))
    figures = causes.figures([cause.pk for cause in open_ones[:CAP]])
    found = [cause for cause in open_ones[:CAP] if figures[cause.pk].open_letters]
    for cause in found:
        cause.figures = figures[cause.pk]  # type: ignore[attr-defined]
    return sorted(found, key=lambda cause: -figures[cause.pk].open_letters)


def _accounts() -> list[Account]:
    """Those that need somebody: stopped, left alone, switched off, or soon without a token."""
    soon = timezone.now() + TOKEN_ENDS
    needing = (
        Account.objects.exclude(state=AccountState.ACTIVE)
        | Account.objects.filter(token_expires_at__lt=soon)
        | Account.objects.filter(replies_on=False)
        | Account.objects.filter(paused_until__gt=Now())
    )
    return list(needing.order_by("state", "label", "account_id")[:CAP])


def _list(names: Sequence[str], *, most: int = 3) -> str:
    if len(names) <= most:
        return " and ".join([", ".join(names[:-1]), names[-1]] if names[:-1] else names)
    return f"{len(names)} accounts, {', '.join(names[:most])} among them,"


def _many(count: int, what: str) -> str:
    shown = f"{CAP:,}+" if count > CAP else f"{count:,}"
    return f"{shown} {what}{'' if count == 1 else 's'}"


def _age(at: datetime) -> str:
    return span((timezone.now() - at).total_seconds())


def span(seconds: float) -> str:
    """So long, in the one unit that matters."""
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} s"

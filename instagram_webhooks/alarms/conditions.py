"""
What is looked at to find out what is wrong: each condition by itself, read only, within LIMIT_MS.

Each gives what is so now by kind, with every kind that it is about, so that what is not among it can end.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from audit.pages.limits import in_time
from dead_letters import fresh
from dead_letters.models import CauseState
from instagram_webhooks.alarms import incidents
from instagram_webhooks.alarms.incidents import Seen
from instagram_webhooks.conf import conf
from instagram_webhooks.inbox import heads, refusals, turn
from instagram_webhooks.inbox.sweep import overdue
from instagram_webhooks.models import Account, AccountState, Arrival, Incident, WebhookEvent, Worker

MOST = 1000  # heads, or accounts, of one look
HIDDEN_MS = 500
UNWELL_FOR = timedelta(minutes=10)
NO_WORKER_S = 120.0  # longer than a restart takes
BEAT_SILENT = timedelta(minutes=15)  # its message comes every minute, and what it starts once a day
TOKEN_STEPS = (14, 7, 1, 0)  # days before its end
UNWELL = {"deaf": "deaf_worker", "stuck": "stuck_worker"}
CAUSE_KINDS = ("new_cause", "recurrence")


@dataclass(frozen=True, slots=True)
class Found:
    """What one condition found. also: what is to be written in the transaction that keeps it."""

    by_kind: Mapping[str, Sequence[Seen]]
    also: Callable[[], object] | None = None


Condition = Callable[[], Found]


# --- dead letters --------------------------------------------------------------------------------------


def causes() -> Found:
    """Causes with new letters that nobody looks after, and those told of before as long as nobody does.

    Letters of a cause whose incident goes on are not told one by one; nor are those of one that somebody
    acknowledged or ignores.
    """
    going_on = incidents.open_ones(*CAUSE_KINDS)
    needing = fresh.still_needing([(UUID(each.key), each.begun_at) for each in going_on])
    kept = [each for each in going_on if UUID(each.key) in needing and not _is_outdated(each, needing)]
    found = {kind: [Seen(key=each.key, goes_on=True) for each in kept if each.kind == kind] for kind in CAUSE_KINDS}
    new, known = fresh.by_cause(), {UUID(each.key) for each in kept}
    pressing = [each for each in new if each.state in (CauseState.OPEN, CauseState.RESOLVED)]
    begins = [each for each in pressing if each.cause_id not in known]
    before = _told_before([each.cause_id for each in begins])
    for each in begins:
        is_back = each.has_recurred or each.state is CauseState.RESOLVED or each.cause_id in before
        found["recurrence" if is_back else "new_cause"].append(_of_cause(each))
    ids = [letter for each in new for letter in each.letters]
    return Found(found, lambda: fresh.taken_up(ids)) if ids else Found(found)


def _is_outdated(told: Incident, needing: Mapping[UUID, datetime | None]) -> bool:
    """Whether its cause was resolved since and is back, which is another incident."""
    recurred_at = needing[UUID(told.key)]
    return told.kind == "new_cause" and recurred_at is not None and recurred_at > told.begun_at


def _told_before(cause_ids: Sequence[UUID]) -> set[UUID]:
    keys = [str(each) for each in cause_ids]
    rows = Incident.objects.filter(kind__in=CAUSE_KINDS, key__in=keys) if keys else Incident.objects.none()
    return {UUID(key) for key in rows.values_list("key", flat=True)}


def _of_cause(new: fresh.Fresh) -> Seen:
    facts = {
        "letters": len(new.letters),
        "letter": str(new.letters[0]),
        "error_class": new.error_class,
        "code": new.code,
        "upstream": new.upstream,
        "accounts": list(new.accounts),
    }
    return Seen(key=str(new.cause_id), facts=facts)


def deaths() -> Found:
    """Too many dead letters within the last minute."""
    bar = conf().alert_deaths_a_minute
    is_so = bar > 0 and fresh.died_within(60.0, cap=bar + 1) > bar
    return Found({"dead_letter_rate": [Seen(facts={"bar": bar})] if is_so else []})


# --- what waits ----------------------------------------------------------------------------------------


def oldest() -> Found:
    """What has been due for too long."""
    bar_s = conf().alert_oldest_s
    found = overdue(bar_s) if bar_s else None
    facts = {"event": str(found[0]), "since": found[1].isoformat()} if found else {}
    return Found({"oldest_event": [Seen(facts=facts)] if found else []})


def waiting_heads() -> Found:
    """Conversations that wait too long, by account and by what they wait for.

    Behind a thousand of one trouble another is looked for, as long as that takes no time: it may be a walk past a
    million. Where it does, what was found before goes on.
    """
    bar_s = conf().alert_head_age_s
    found = heads.waiting_longer(bar_s, limit=MOST) if bar_s else []
    going_on: list[Incident] = []
    is_full = sum(each.count for each in found) == MOST
    if is_full:
        hidden = in_time(lambda: heads.waiting_longer(bar_s, limit=MOST, besides=found), ms=HIDDEN_MS)
        going_on = incidents.open_ones("waiting_head") if hidden is None else []
        found = [*found, *(hidden or [])]
    names = {(each.provider, each.account_id): str(each) for each in _accounts_of(found)}
    seen = {each.key: Seen(key=each.key, goes_on=True) for each in going_on}
    seen |= {each.key: each for each in (_of_crowd(crowd, names, is_more=is_full) for crowd in found)}
    return Found({"waiting_head": list(seen.values())})


def _accounts_of(crowds: Sequence[heads.Crowd]) -> Sequence[Account]:
    ids = {each.account for each in crowds}
    return list(Account.objects.filter(account_id__in=ids)) if ids else []


def _of_crowd(crowd: heads.Crowd, names: Mapping[tuple[str, str], str], *, is_more: bool) -> Seen:
    facts = {
        "account": names.get((crowd.provider, crowd.account)) or f"{crowd.provider} {crowd.account}",
        "state": crowd.state,
        "why": crowd.reason if crowd.state == "parked" else crowd.code or "",
        "count": crowd.count,
        "is_more": is_more,
        "since": crowd.since.isoformat(),
        "events": [str(each) for each in crowd.first],
    }
    return Seen(key=f"{crowd.provider}:{crowd.account}:{crowd.state}:{crowd.reason}", facts=facts)


# --- at the door, and the workers ----------------------------------------------------------------------


def refused() -> Found:
    """Too many refused signatures, or nothing but refused ones."""
    found = [
        Seen(key=each.provider, facts={"provider": each.provider, "most": each.most, "is_all": each.is_all})
        for each in refusals.too_many(conf().alert_refused_a_minute)
    ]
    return Found({"refused_signatures": found})


def unwell_workers() -> Found:
    """Workers that ended by themselves of late; their rows say why (worker/pulse.py)."""
    found: dict[str, list[Seen]] = {kind: [] for kind in UNWELL.values()}
    recent = Worker.objects.filter(pulse_at__gt=Now() - UNWELL_FOR, unwell__in=UNWELL)
    for row in recent.values("unwell").annotate(count=Count("pk"), host=Max("host")).order_by():
        found[UNWELL[row["unwell"]]].append(Seen(facts={"count": row["count"], "host": row["host"]}))
    return Found(found)


def any_worker(within_s: float = NO_WORKER_S) -> bool:
    """Whether any worker has lived within so many seconds; one that was told to stop lives no more."""
    return _alive(within_s).exists()


def _alive(within_s: float) -> QuerySet[Worker]:
    return Worker.objects.filter(pulse_at__gt=Now() - timedelta(seconds=within_s), stopped_at=None)


def no_worker() -> Found:
    """That no worker lives, though there was something to do once; seen by a web process, or by `manage.py sweep`."""
    if any_worker() or not (Worker.objects.exists() or WebhookEvent.objects.exists()):
        return Found({"no_worker": []})
    last: datetime | None = Worker.objects.order_by("-pulse_at").values_list("pulse_at", flat=True).first()
    return Found({"no_worker": [Seen(facts={"since": last.isoformat() if last else ""})]})


def silent_beat() -> Found:
    """That workers live and beat is not heard, so that nothing daily runs."""
    at, going_on = turn.taken().get(turn.BEAT), incidents.open_ones("silent_beat")
    if any(at is None or at < each.begun_at for each in going_on):  # also while workers are started anew
        return Found({"silent_beat": [Seen(goes_on=True)]})
    worked_since = _alive(NO_WORKER_S).exclude(pool="sweep").aggregate(Min("started_at"))["started_at__min"]
    since = turn.beat_unheard_since(at, worked_since=worked_since)
    is_silent = since is not None and timezone.now() - since > BEAT_SILENT
    return Found({"silent_beat": [Seen(facts={"since": at.isoformat() if at else ""})] if is_silent else []})


# --- accounts ------------------------------------------------------------------------------------------


def tokens() -> Found:
    """Tokens that end soon; each step is told anew. One that Meta refuses already is `account_stopped`."""
    now = timezone.now()
    soon = Account.objects.filter(state=AccountState.ACTIVE, token_expires_at__lt=now + timedelta(days=TOKEN_STEPS[0]))
    return Found({"token_ends": [_of_token(each, now) for each in soon.order_by("token_expires_at")[:MOST]]})


def _of_token(account: Account, now: datetime) -> Seen:
    assert account.token_expires_at is not None
    left = account.token_expires_at - now
    step = sum(left <= timedelta(days=days) for days in TOKEN_STEPS)
    facts = {"account": str(account), "step": step, "ends": account.token_expires_at.isoformat()}
    return Seen(key=str(account.pk), facts=facts, step=step)


def stopped_accounts() -> Found:
    """Accounts that cannot be worked for."""
    rows = Account.objects.exclude(state=AccountState.ACTIVE).order_by("state_since")[:MOST]
    stopped = [Seen(key=str(each.pk), facts={"account": str(each), "state": each.state}) for each in rows]
    return Found({"account_stopped": stopped})


def silent_accounts() -> Found:
    """Accounts that have sent nothing for too long."""
    bar_s = conf().alert_account_silent_s
    if not bar_s:
        return Found({"account_silent": []})
    arrival = Arrival.objects.filter(provider=OuterRef("provider"), account=OuterRef("account_id"))
    known = Account.objects.annotate(last_at=Subquery(arrival.values("last_at")[:1]))
    quiet = known.annotate(quiet_since=Coalesce("last_at", "created_at")).filter(
        state=AccountState.ACTIVE, quiet_since__lt=Now() - timedelta(seconds=bar_s)
    )
    return Found({"account_silent": [_of_silence(each, each.last_at) for each in quiet.order_by("quiet_since")[:MOST]]})


def _of_silence(account: Account, last_at: datetime | None) -> Seen:
    facts = {"account": str(account), "since": last_at.isoformat() if last_at else ""}
    return Seen(key=str(account.pk), facts=facts)


CONDITIONS: tuple[Condition, ...] = (
    *(causes, deaths, oldest, waiting_heads, refused),
    *(unwell_workers, no_worker, silent_beat, tokens, stopped_accounts, silent_accounts),
)

"""Accounts: finding, pausing, parking and releasing them. The only writes that work makes to a shared row."""

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import Error, connection, transaction

from audit.log import record
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import AccountBlocked, LookupPostponed, Parked, TokenRefused, UnknownAccount
from instagram_webhooks.inbox import moves
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.models.account import stricter
from instagram_webhooks.vault import open_text

log = logging.getLogger(__name__)


class _Open(threading.local):
    """The probe that this thread was let out as, until its outcome is counted."""

    probe: "KnownAccount | None" = None

    def left(self) -> "KnownAccount | None":
        return self.probe


_open = _Open()

FAILURES_IN_A_ROW = 3
FRESH_S = 1.0  # what was read longer ago is read again before a call
PROBE_SLACK_S = 5.0  # what a probe takes beside its call
# The Conversations API allows two calls a second of one account (Meta's page, read 2026-11); the rest is for
# calls that take longer on their way than others.
LOOKUP_EVERY_S = 0.6
POSTPONED_S = (0.6, 3.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account as one piece of work sees it. `pause_s`: how long it is to be left alone, for failures or by hand.

    is_probe: this piece of work tries whether Meta is back.
    """

    id: UUID
    provider: str
    account_id: str
    state: str
    replies: str
    pause_s: float
    unknown_in_a_row: int
    sealed_token: bytes = field(repr=False)
    is_probe: bool = False
    read_at: float = field(default_factory=time.monotonic)

    def token(self) -> str:
        """The access token in plain."""
        return open_text(self.sealed_token, place=Account.TOKEN_PLACE, row_id=self.id) if self.sealed_token else ""

    def withholds(self) -> str:
        """Why no answer is sent, by the stricter of the account and the settings; "" where one is."""
        return {"off": "switched_off", "shadow": "shadow"}.get(stricter(self.replies, conf().replies), "")

    def error(self) -> Parked | None:
        """Why events of this account are parked, or None."""
        return {AccountState.TOKEN: TokenRefused(), AccountState.BLOCKED: AccountBlocked()}.get(
            AccountState(self.state)
        )


# Of a row `a`.
SEEN = """a.id, a.provider, a.account_id, a.state, a.replies,
       greatest(0, extract(epoch FROM greatest(a.paused_until, a.hand_paused_until) - clock_timestamp()))::float8,
       a.unknown_in_a_row, a.sealed_token"""
_FIND = f"SELECT {SEEN} FROM instagram_webhooks_account a WHERE a.provider = %s AND a.account_id = %s"
_COLUMNS = (
    "id",
    "provider",
    "account_id",
    "state",
    "replies",
    "pause_s",
    "unknown_in_a_row",
    "sealed_token",
)
# Raises only: a shorter wait never shortens a longer one.
_PAUSE = """
UPDATE instagram_webhooks_account SET paused_until = clock_timestamp() + make_interval(secs => %(wait_s)s)
 WHERE id = %(id)s AND (paused_until IS NULL OR paused_until < clock_timestamp() + make_interval(secs => %(wait_s)s))
"""
# Those of calls that were under way when the pause began make it no longer.
_FAILED = """
UPDATE instagram_webhooks_account
   SET unknown_in_a_row = least(unknown_in_a_row + 1, 1000), probe_until = NULL,
       paused_until = CASE WHEN unknown_in_a_row + 1 < %(in_a_row)s THEN paused_until
         ELSE clock_timestamp() + make_interval(secs => least(
           %(first)s * 2 ^ least(unknown_in_a_row + 1 - %(in_a_row)s, 20), %(longest)s)) END
 WHERE id = %(id)s AND (paused_until IS NULL OR paused_until <= clock_timestamp())
RETURNING extract(epoch FROM paused_until - clock_timestamp())::float8
"""
# One at a time. What has lost attempts already tries only where nothing else did for a while.
_PROBE = """
UPDATE instagram_webhooks_account SET probe_until = clock_timestamp() + make_interval(secs => %(hold)s)
 WHERE id = %(id)s AND unknown_in_a_row >= %(in_a_row)s
   AND (probe_until IS NULL OR probe_until <= clock_timestamp())
   AND (paused_until IS NULL OR paused_until <= clock_timestamp() - make_interval(secs => %(patience)s))
   AND (hand_paused_until IS NULL OR hand_paused_until <= clock_timestamp())
"""
_LOOKUP = """
UPDATE instagram_webhooks_account SET next_lookup_at = clock_timestamp() + make_interval(secs => %(every)s)
 WHERE id = %(id)s AND (next_lookup_at IS NULL OR next_lookup_at <= clock_timestamp())
"""
# The next call of a look-up that was begun: after the turn of its first, and before anybody else's.
_ANOTHER_LOOKUP = """
UPDATE instagram_webhooks_account
   SET next_lookup_at = greatest(next_lookup_at, clock_timestamp()) + make_interval(secs => %(every)s)
 WHERE id = %(id)s RETURNING extract(epoch FROM next_lookup_at - clock_timestamp())::float8
"""


def find(provider: str, account_id: str) -> KnownAccount:
    """The account of an event; raises UnknownAccount, or what it is parked for."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [provider, account_id])
        row = cursor.fetchone()
    return _known(row)


def of(claim: Claim) -> KnownAccount:
    """The account of a claimed event as it was seen with the claim, or as of now; raises what `find` does."""
    if claim.seen is None or time.monotonic() - claim.seen.read_at > FRESH_S:
        return find(claim.provider, claim.account)
    return _known(claim.seen.account, claim.seen.read_at)


def _known(row: Sequence[Any] | None, read_at: float | None = None) -> KnownAccount:
    if row is None:
        raise UnknownAccount
    found = KnownAccount(
        **dict(zip(_COLUMNS, (*row[:-1], bytes(row[-1])), strict=True)),
        read_at=time.monotonic() if read_at is None else read_at,
    )
    if error := found.error():
        raise error
    return found


def fresh(account: KnownAccount) -> KnownAccount:
    """The account as of now, where deciding took its time: a person may have switched it off, Meta refused it.

    Raises what `find` does.
    """
    if time.monotonic() - account.read_at <= FRESH_S:
        return account
    return replace(find(account.provider, account.account_id), is_probe=account.is_probe)


def leave_alone(account: KnownAccount, wait_s: float) -> None:
    """No call is made for this account for so long; a wait that Meta named."""
    with connection.cursor() as cursor:
        cursor.execute(_PAUSE, {"id": account.id, "wait_s": wait_s})
    log.warning("account.paused", extra={"account": account.account_id, "delay_s": round(wait_s, 1)})


def admit(account: KnownAccount, *, attempt: int, rand: Callable[[], float] = random.random) -> KnownAccount:
    """The account as it may be called now: with pause_s 0, or with how long the event is to sleep.

    After a pause for failures one call at a time tries whether Meta is back; the others wait for what
    it finds. Sleep is longer than the pause: replies/waking.py ends it.
    """
    if account.is_probe:
        return account
    if account.pause_s == 0 and account.unknown_in_a_row < FAILURES_IN_A_ROW:
        return account
    if account.pause_s == 0 and _may_probe(account, attempt):
        _open.probe = account
        return replace(account, is_probe=True)
    now = find(account.provider, account.account_id)
    if now.pause_s == 0 and now.unknown_in_a_row < FAILURES_IN_A_ROW:
        return now
    return replace(now, pause_s=max(now.pause_s, conf().first_pause_s) * (1 + rand()))


def _may_probe(account: KnownAccount, attempt: int) -> bool:
    values = {
        "id": account.id,
        "in_a_row": FAILURES_IN_A_ROW,
        "hold": conf().graph_deadline_s + PROBE_SLACK_S,
        "patience": 0.0 if attempt == 1 else conf().first_pause_s,
    }
    return _changed(_PROBE, values)


@contextlib.contextmanager
def probing() -> Iterator[None]:
    """Whatever way the work leaves, a probe that ended without a word on whether messages can be sent is given back."""
    _open.probe = None
    try:
        yield
    finally:
        if probe := _open.left():
            with contextlib.suppress(Error):
                Account.objects.filter(pk=probe.id).update(probe_until=None)


def count_failure(account: KnownAccount) -> None:
    """After three unknown outcomes in a row the account is left alone, longer each time."""
    values: dict[str, Any] = {
        "id": account.id,
        "in_a_row": FAILURES_IN_A_ROW,
        "first": conf().first_pause_s,
        "longest": conf().longest_pause_s,
    }
    _open.probe = None
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, values)
        row = cursor.fetchone()
    if row and row[0] is not None and row[0] > 0:
        log.warning("account.paused", extra={"account": account.account_id, "delay_s": round(row[0], 1)})


def count_answer(account: KnownAccount) -> None:
    """Meta answered for certain, which ends a row of failures; writes only where there was one."""
    _open.probe = None
    if account.unknown_in_a_row:
        Account.objects.filter(pk=account.id, unknown_in_a_row__gt=0).update(
            unknown_in_a_row=0, probe_until=None, next_wake_at=None
        )


def take_lookup(account: KnownAccount, *, spread: Callable[[float, float], float] = random.uniform) -> None:
    """Takes the account's turn for a call of a look-up; raises LookupPostponed where another has it."""
    if not _changed(_LOOKUP, {"id": account.id, "every": LOOKUP_EVERY_S}):
        raise LookupPostponed(wait_s=spread(*POSTPONED_S))


def await_another_lookup(account: KnownAccount, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Waits for the turn after that which was taken."""
    with connection.cursor() as cursor:
        cursor.execute(_ANOTHER_LOOKUP, {"id": account.id, "every": LOOKUP_EVERY_S})
        row = cursor.fetchone()
    sleep(max(0.0, row[0] - LOOKUP_EVERY_S) if row else LOOKUP_EVERY_S)


def _changed(statement: str, values: Mapping[str, Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)


def park(account: KnownAccount, error: Parked) -> None:
    """Parks the account until a person puts it right; in the caller's transaction, audited once.

    Not where it has another token by now: the refusal was about the old one.
    """
    state = AccountState.TOKEN if isinstance(error, TokenRefused) else AccountState.BLOCKED
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE instagram_webhooks_account SET state = %s, state_since = clock_timestamp()"
            " WHERE id = %s AND state = 'active' AND sealed_token = %s",
            [state, account.id, account.sealed_token],
        )
        if cursor.rowcount:
            record("account.parked", subject_id=account.id, provider=account.provider,
                   detail={"account": account.account_id, "reason": error.reason, **error.facts})  # fmt: skip


def release(account: Account, *, actor: str, reason: str = "") -> int:
    """Makes the account active and returns its parked events to work in order; how many. A pause by hand goes on.

    In two steps, the account first: an event that is parked in between is found by the second.
    """
    activate(account, actor=actor, reason=reason)
    return moves.release(account.provider, account.account_id)


def activate(account: Account, *, actor: str, reason: str) -> None:
    """Makes the account active; what is parked for it is released by the caller, or by the upkeep within a minute."""
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(
            state=AccountState.ACTIVE,
            state_since=None,
            paused_until=None,
            unknown_in_a_row=0,
            probe_until=None,
            next_wake_at=None,
        )
        record("account.released", subject_id=account.pk, provider=account.provider, actor=actor, reason=reason,
               detail={"account": account.account_id})  # fmt: skip

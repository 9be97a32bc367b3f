"""Accounts: finding, pausing, parking and releasing them. The only writes that work makes to a shared row."""

import logging
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection, transaction

from audit.log import record
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import AccountBlocked, Parked, TokenRefused, UnknownAccount
from instagram_webhooks.inbox import moves
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.vault import digest, open_text

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account as one piece of work sees it. `pause_s`: how long it is still to be left alone."""

    id: UUID
    provider: str
    account_id: str
    state: str
    replies_on: bool
    pause_s: float
    unknown_in_a_row: int
    sealed_token: bytes = field(repr=False)

    def token(self) -> str:
        """The access token in plain."""
        return open_text(self.sealed_token, place=Account.TOKEN_PLACE, row_id=self.id) if self.sealed_token else ""

    def error(self) -> Parked | None:
        """Why events of this account are parked, or None."""
        return {AccountState.TOKEN: TokenRefused(), AccountState.BLOCKED: AccountBlocked()}.get(
            AccountState(self.state)
        )


_FIND = """
SELECT id, provider, account_id, state, replies_on,
       greatest(0, coalesce(extract(epoch FROM paused_until - clock_timestamp()), 0))::float8,
       unknown_in_a_row, sealed_token
  FROM instagram_webhooks_account WHERE provider = %s AND account_id = %s
"""
_COLUMNS = (
    "id",
    "provider",
    "account_id",
    "state",
    "replies_on",
    "pause_s",
    "unknown_in_a_row",
    "sealed_token",
)
# Raises only: a shorter wait never shortens a longer one.
_PAUSE = """
UPDATE instagram_webhooks_account SET paused_until = clock_timestamp() + make_interval(secs => %(wait_s)s)
 WHERE id = %(id)s AND (paused_until IS NULL OR paused_until < clock_timestamp() + make_interval(secs => %(wait_s)s))
"""
_FAILED = """
UPDATE instagram_webhooks_account SET unknown_in_a_row = least(unknown_in_a_row + 1, 1000)
 WHERE id = %s RETURNING unknown_in_a_row
"""


def find(provider: str, account_id: str) -> KnownAccount:
    """The account of an event; raises UnknownAccount, or what it is parked for."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [provider, account_id])
        row = cursor.fetchone()
    if row is None:
        raise UnknownAccount
    found = KnownAccount(**dict(zip(_COLUMNS, (*row[:-1], bytes(row[-1])), strict=True)))
    if error := found.error():
        raise error
    return found


def leave_alone(account: KnownAccount, wait_s: float) -> None:
    """No call is made for this account for so long; a wait that Meta named."""
    with connection.cursor() as cursor:
        cursor.execute(_PAUSE, {"id": account.id, "wait_s": wait_s})
    log.warning("account.paused", extra={"account": account.account_id, "delay_s": round(wait_s, 1)})


def count_failure(account: KnownAccount) -> None:
    """After three unknown outcomes in a row the account is left alone, longer each time."""
    with connection.cursor() as cursor:
        cursor.execute(_FAILED, [account.id])
        row = cursor.fetchone()
    if row and row[0] >= FAILURES_IN_A_ROW:
        leave_alone(account, min(FIRST_PAUSE_S * 2 ** min(row[0] - FAILURES_IN_A_ROW, 10), LONGEST_PAUSE_S))


def count_success(account: KnownAccount) -> None:
    """Ends a row of failures; writes only where there was one."""
    if account.unknown_in_a_row:
        Account.objects.filter(pk=account.id, unknown_in_a_row__gt=0).update(unknown_in_a_row=0)


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
    """Makes the account active and returns its parked events to work in order; how many.

    In two steps, the account first: an event that is parked in between is found by the second.
    """
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(
            state=AccountState.ACTIVE, state_since=None, paused_until=None, unknown_in_a_row=0
        )
        record("account.released", subject_id=account.pk, provider=account.provider, actor=actor, reason=reason,
               detail={"account": account.account_id})  # fmt: skip
    return moves.release(account.provider, account.account_id)


def ensure_first_account() -> None:
    """Connects the account that the settings name, and takes over a token that changed there."""
    account_id, token = conf().first_account_id, conf().first_account_token
    if not account_id:
        return
    taken = digest("settings_token", token)
    known = Account.objects.filter(provider="instagram", account_id=account_id)
    if known.filter(settings_token=taken).exists():
        return
    Account.objects.bulk_create([Account(provider="instagram", account_id=account_id)], ignore_conflicts=True)
    account = known.get()
    account.set_token(token)
    with transaction.atomic():
        # Several processes start at once; one of them takes it over.
        is_first = known.exclude(settings_token=taken).update(
            sealed_token=account.sealed_token, settings_token=taken, state=AccountState.ACTIVE, state_since=None
        )
        if not is_first:
            return
        record("account.connected", subject_id=account.pk, provider="instagram", detail={"account": account_id})
    release(account, actor="system", reason="token from the settings")

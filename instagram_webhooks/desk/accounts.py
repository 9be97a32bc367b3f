"""Accounts as people keep them: saving one with its audit entries, and what waits for which account."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from audit.log import record
from audit.models import AuditEntry
from instagram_webhooks.models import Account, AccountState, Arrival
from instagram_webhooks.models.account import Replies

PARKED_CAP = 1000
UNKNOWN_SHOWN = 20

_PARKED = """
SELECT a.id, (SELECT count(*) FROM (
         SELECT 1 FROM instagram_webhooks_webhookevent e
          WHERE e.state = 'parked' AND e.account = a.account_id AND e.provider = a.provider
          LIMIT %(cap)s) parked)
  FROM instagram_webhooks_account a WHERE a.id = ANY(%(ids)s)
"""
# A walk from account to account along the index of parked events: DISTINCT would read all of them.
_UNKNOWN = """
WITH RECURSIVE walk(account) AS (
  (SELECT account FROM instagram_webhooks_webhookevent WHERE state = 'parked' ORDER BY account LIMIT 1)
  UNION ALL
  SELECT (SELECT e.account FROM instagram_webhooks_webhookevent e
           WHERE e.state = 'parked' AND e.account > walk.account ORDER BY e.account LIMIT 1)
    FROM walk WHERE walk.account IS NOT NULL
)
SELECT first.provider, walk.account
  FROM walk
  JOIN LATERAL (SELECT provider FROM instagram_webhooks_webhookevent e
                 WHERE e.state = 'parked' AND e.account = walk.account
                 ORDER BY e.order_at LIMIT 1) first ON true
 WHERE NOT EXISTS (SELECT 1 FROM instagram_webhooks_account a
                    WHERE a.account_id = walk.account AND a.provider = first.provider)
 LIMIT %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """An account that events wait for and that was never connected."""

    provider: str
    account_id: str


def save(account: Account, *, changed: Collection[str] = (), token: str = "", actor: str) -> None:
    """Saves a new account, or what changed of a known one, with an audit entry for each act.

    changed: names of the columns that were edited. token: a new one in plain, or "". It makes the
    account active; the caller then releases what is parked (replies.pause.release), after the commit.
    """
    is_new = account._state.adding
    columns = list(changed)
    if token:
        account.set_token(token)
        account.state, account.state_since = AccountState.ACTIVE, None
        account.paused_until, account.unknown_in_a_row = None, 0
        columns += ["sealed_token", "state", "state_since", "paused_until", "unknown_in_a_row"]
    with transaction.atomic():
        if is_new:
            account.save(force_insert=True)
        elif columns:
            # Only these: the rest may be changing in a worker at this moment.
            account.save(update_fields=columns)
        for action in _acts(account, changed, is_new=is_new, has_token=bool(token)):
            record(action, subject_id=account.pk, provider=account.provider, actor=actor,
                   detail={"account": account.account_id})  # fmt: skip


def _acts(account: Account, changed: Collection[str], *, is_new: bool, has_token: bool) -> list[str]:
    acts = ["account.connected"] if is_new else ["account.token_changed"] if has_token else []
    if account.replies != Replies.ON if is_new else "replies" in changed:
        acts.append(f"account.replies_{Replies(account.replies)}")
    if not is_new and set(changed) - {"replies"}:
        acts.append("account.changed")
    return acts


def parked_counts(ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many events are parked for each account; PARKED_CAP + 1 means more than PARKED_CAP."""
    with connection.cursor() as cursor:
        cursor.execute(_PARKED, {"ids": list(ids), "cap": PARKED_CAP + 1})
        return dict(cursor.fetchall())


def why_paused(account: Account) -> str:
    """Who paused it by hand, and why; "" where nobody did."""
    acts = AuditEntry.objects.filter(subject_id=account.pk, action="account.paused")
    last = acts.order_by("-at").first()
    return f"{last.actor}: {last.reason}" if last else ""


def heard_at(rows: Sequence[Account]) -> dict[UUID, datetime]:
    """When the newest event of each came, where any did; as it was noted within the last minute or two."""
    arrived = Arrival.objects.filter(account__in={row.account_id for row in rows})
    known = {(each.provider, each.account): each.last_at for each in arrived}
    at = {row.pk: known.get((row.provider, row.account_id)) for row in rows}
    return {key: last_at for key, last_at in at.items() if last_at}


def unknown_accounts() -> list[Unknown]:
    """Accounts that events are parked for and that nobody connected; the first UNKNOWN_SHOWN."""
    with connection.cursor() as cursor:
        cursor.execute(_UNKNOWN, [UNKNOWN_SHOWN])
        return [Unknown(provider=provider, account_id=account) for provider, account in cursor.fetchall()]

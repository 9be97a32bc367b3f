"""Dead letters that no alert has taken up yet, by their cause, and how many die at present."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from audit.columns import ClockTimestamp
from dead_letters.models import CauseState, DeadLetter

AT_ONCE = 10_000  # letters of one look; the rest is found by the next
_ACCOUNTS = 3

FRESH = """
WITH fresh AS MATERIALIZED (
  SELECT id, fingerprint, account_label FROM dead_letters_deadletter WHERE alerted_at IS NULL ORDER BY id LIMIT %(most)s
)
SELECT f.fingerprint, c.state, c.recurred_at IS NOT NULL, c.error_class, c.code,
       concat_ws('/', c.upstream_code, c.upstream_subcode),
       array_agg(f.id ORDER BY f.id), (array_agg(DISTINCT f.account_label))[:%(accounts)s]
  FROM fresh f JOIN dead_letters_cause c ON c.id = f.fingerprint
 GROUP BY f.fingerprint, c.id
"""
# Whether nobody dealt with it: said something of it, or closed all its letters.
NEEDING = """
SELECT c.id, c.recurred_at
  FROM dead_letters_cause c JOIN unnest(%(ids)s::uuid[], %(since)s::timestamptz[]) AS told(id, at) ON told.id = c.id
 WHERE c.state = 'open' AND (c.changed_by = '' OR c.changed_at < told.at)
   AND EXISTS (SELECT 1 FROM dead_letters_deadletter d WHERE d.fingerprint = c.id AND d.status = 'open')
"""
DIED = """
SELECT count(*) FROM (SELECT 1 FROM dead_letters_deadletter
                       WHERE created_at > clock_timestamp() - make_interval(secs => %(within)s)
                       ORDER BY created_at DESC, id DESC LIMIT %(cap)s) counted
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """The letters of one cause that are new. upstream: as models.upstream. accounts: the first few of theirs."""

    cause_id: uuid.UUID
    state: CauseState
    has_recurred: bool
    error_class: str
    code: str
    upstream: str
    letters: Sequence[uuid.UUID]
    accounts: Sequence[str]


def by_cause() -> list[Fresh]:
    """The first AT_ONCE new letters, by cause; costs one look at an empty index where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(FRESH, {"most": AT_ONCE, "accounts": _ACCOUNTS})
        return [
            Fresh(
                cause_id=row[0],
                state=CauseState(row[1]),
                has_recurred=row[2],
                error_class=row[3].rpartition(".")[2],
                code=row[4],
                upstream=row[5],
                letters=row[6],
                accounts=[label for label in row[7] if label],
            )
            for row in cursor.fetchall()
        ]


def taken_up(ids: Iterable[uuid.UUID]) -> None:
    """From now on these are not new; in the transaction that keeps what is to be told of them."""
    DeadLetter.objects.filter(pk__in=list(ids)).update(alerted_at=ClockTimestamp())


def still_needing(causes: Sequence[tuple[uuid.UUID, datetime]]) -> dict[uuid.UUID, datetime | None]:
    """Of causes, each with the time since when it is an alert, those that have open letters and nobody dealt with.

    With each the time at which it recurred, where it ever did.
    """
    if not causes:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(NEEDING, {"ids": [cause for cause, _ in causes], "since": [since for _, since in causes]})
        return dict(cursor.fetchall())


def died_within(seconds: float, *, cap: int) -> int:
    """How many died in the last seconds, counted up to the cap."""
    with connection.cursor() as cursor:
        cursor.execute(DIED, {"within": seconds, "cap": cap})
        (count,) = cursor.fetchone() or (0,)
        return int(count)

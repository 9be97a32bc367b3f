"""
What people say of a cause, and what is counted of it.

    open, acknowledged -> resolved    it was put right; the next death opens it again, with a mark
    open, acknowledged -> ignored     until a time; then it is open again
    open -> acknowledged              somebody works on it
    any other -> open

Its dead letters stay as they are: each is replayed, resolved or discarded by itself (review.py).
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

import audit
from audit.columns import ClockTimestamp
from dead_letters.models import Cause, CauseState

NOTE_LIMIT = 500
OPEN_CAP = 10_000
_MAY = {
    CauseState.ACKNOWLEDGED: (CauseState.OPEN,),
    CauseState.RESOLVED: (CauseState.OPEN, CauseState.ACKNOWLEDGED),
    CauseState.IGNORED: (CauseState.OPEN, CauseState.ACKNOWLEDGED),
    CauseState.OPEN: (CauseState.ACKNOWLEDGED, CauseState.RESOLVED, CauseState.IGNORED),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one cause. open_letters: at most OPEN_CAP + 1. hours: died in each of the last hours, the running one last."""

    open_letters: int
    hours: tuple[int, ...]
    accounts: Mapping[str, int]


def may_become(cause: Cause) -> list[CauseState]:
    """What a person can say of it now."""
    return [after for after, before in _MAY.items() if cause.state in before]


def say(cause_id: uuid.UUID, state: CauseState, *, actor: str, reason: str, until: datetime | None = None) -> bool:
    """Moves a cause; False where it stands otherwise by now. `until`: of IGNORED, and of nothing else."""
    if (until is None) == (state is CauseState.IGNORED):
        raise ValueError("A cause is ignored until a time, and only ignored.")
    with transaction.atomic():
        moved = Cause.objects.filter(pk=cause_id, state__in=_MAY[state]).update(
            state=state, ignored_until=until, changed_at=ClockTimestamp(), changed_by=actor
        )
        if moved:
            what = "reopened" if state is CauseState.OPEN else str(state)
            audit.record(
                f"cause.{what}",
                subject_id=cause_id,
                actor=actor,
                reason=reason,
                detail={"until": until} if until else {},
            )
    return bool(moved)


def note(cause_id: uuid.UUID, text: str, *, actor: str) -> None:
    """Keeps what the next one should know; the one before it stays in the audit log."""
    with transaction.atomic():
        Cause.objects.filter(pk=cause_id).update(note=text[:NOTE_LIMIT])
        audit.record("cause.noted", subject_id=cause_id, actor=actor, reason=text[:NOTE_LIMIT])


# --- upkeep ------------------------------------------------------------------------------------------

_RECURRED = """
UPDATE dead_letters_cause c SET state = 'open', recurred_at = clock_timestamp(), changed_at = clock_timestamp(),
       changed_by = ''
 WHERE state = 'resolved'
   AND EXISTS (SELECT 1 FROM dead_letters_deadletter d WHERE d.fingerprint = c.id AND d.created_at > c.changed_at)
RETURNING id
"""
_IGNORED_NO_MORE = """
UPDATE dead_letters_cause SET state = 'open', ignored_until = NULL, changed_at = clock_timestamp(), changed_by = ''
 WHERE state = 'ignored' AND ignored_until <= clock_timestamp()
RETURNING id
"""
# From the last hour counted on, and the one before it: what was being committed then was not seen yet.
_COUNT = """
INSERT INTO dead_letters_causehour AS h (cause_id, hour, account_label, died)
SELECT fingerprint, date_trunc('hour', created_at), account_label, count(*)
  FROM dead_letters_deadletter
 WHERE created_at >= coalesce((SELECT max(hour) FROM dead_letters_causehour), '-infinity') - interval '1 hour'
 GROUP BY 1, 2, 3
    ON CONFLICT (cause_id, hour, account_label) DO UPDATE SET died = excluded.died WHERE h.died <> excluded.died
"""


def keep() -> None:
    """Opens again what recurred or was ignored for long enough, and counts what died; called by the upkeep."""
    for statement, action in ((_RECURRED, "cause.recurred"), (_IGNORED_NO_MORE, "cause.ignored_no_more")):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
            audit.record_many([audit.Entry(action=action, subject_id=row[0]) for row in cursor.fetchall()])
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)


# --- figures -----------------------------------------------------------------------------------------

_OPEN = """
SELECT c.id, (SELECT count(*) FROM (SELECT 1 FROM dead_letters_deadletter d
                                     WHERE d.fingerprint = c.id AND d.status = 'open' LIMIT %(cap)s) counted)
  FROM unnest(%(ids)s::uuid[]) AS c(id)
"""
_HOURS = """
SELECT cause_id, account_label, died, (extract(epoch FROM now_.hour - h.hour) / 3600)::int
  FROM dead_letters_causehour h, (SELECT date_trunc('hour', statement_timestamp()) AS hour) now_
 WHERE cause_id = ANY(%(ids)s::uuid[])
   AND h.hour > date_trunc('hour', statement_timestamp()) - make_interval(hours => %(hours)s)
"""


def figures(ids: Iterable[uuid.UUID], *, hours: int = 24) -> dict[uuid.UUID, Figures]:
    """How many letters are open, and who died when in the last hours; two queries for any number of causes."""
    named = list(ids)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"ids": named, "cap": OPEN_CAP + 1})
        open_letters = dict(cursor.fetchall())
        cursor.execute(_HOURS, {"ids": named, "hours": hours})
        rows = cursor.fetchall()
    found: dict[uuid.UUID, tuple[list[int], dict[str, int]]] = {each: ([0] * hours, {}) for each in named}
    for cause_id, account, died, ago in rows:
        by_hour, accounts = found[cause_id]
        by_hour[hours - 1 - max(0, ago)] += died
        accounts[account] = accounts.get(account, 0) + died
    return {each: Figures(open_letters[each], tuple(by_hour), accounts) for each, (by_hour, accounts) in found.items()}

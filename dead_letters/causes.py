"""
What people say of a cause, and what is counted of it.

    open, acknowledged -> resolved    it was put right; the next death opens it again, with a mark
    open, acknowledged -> ignored     until a time; then it is open again
    open -> acknowledged              somebody works on it
    any other -> open

Its dead letters stay as they are: each is replayed, resolved or discarded by itself (review.py).
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

import audit
from audit.columns import ClockTimestamp
from audit.log import REASON_LIMIT
from dead_letters.models import Cause, CauseState, DeadLetter
from dead_letters.review import ReasonMissing

ACT_RIGHTS = ("dead_letters.act_on_cause", "dead_letters.view_cause")
LAST_SEEN = Subquery(
    DeadLetter.objects.filter(cause=OuterRef("pk")).order_by("-created_at", "-id").values("created_at")[:1]
)
OPEN_CAP = 10_000
OPEN_SHOWN, KNOWN = 1000, 200  # of the causes that press
_MAY = {
    CauseState.ACKNOWLEDGED: (CauseState.OPEN,),
    CauseState.RESOLVED: (CauseState.OPEN, CauseState.ACKNOWLEDGED),
    CauseState.IGNORED: (CauseState.OPEN, CauseState.ACKNOWLEDGED),
    CauseState.OPEN: (CauseState.ACKNOWLEDGED, CauseState.RESOLVED, CauseState.IGNORED),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one cause. open_letters: at most OPEN_CAP + 1. hours: died in each of the last hours, the running one last.

    accounts: how many those were of.
    """

    open_letters: int
    hours: tuple[int, ...]
    accounts: int


@dataclass(frozen=True, slots=True)
class Pressing:
    """The causes with open letters that nobody dealt with: how many (at most KNOWN), their letters (of each at most
    OPEN_SHOWN + 1), and those with the most."""

    count: int
    letters: int
    most: Sequence[Cause]


def may_become(cause: Cause) -> list[CauseState]:
    """What a person can say of it now."""
    return [after for after, before in _MAY.items() if cause.state in before]


def say(cause_id: uuid.UUID, state: CauseState, *, actor: str, reason: str, until: datetime | None = None) -> bool:
    """Moves a cause; False where it stands otherwise by now. `until`: of IGNORED, and of nothing else."""
    if (until is None) == (state is CauseState.IGNORED):
        raise ValueError("A cause is ignored until a time, and only ignored.")
    if not reason.strip():
        raise ReasonMissing
    with transaction.atomic():
        moved = Cause.objects.filter(pk=cause_id, state__in=_MAY[state]).update(
            state=state, ignored_until=until, changed_at=ClockTimestamp(), changed_by=actor, recurred_at=None
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
        Cause.objects.filter(pk=cause_id).update(note=text[:REASON_LIMIT])
        audit.record("cause.noted", subject_id=cause_id, actor=actor, reason=text[:REASON_LIMIT])


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

# In the order of the index: without it PostgreSQL may read the table for a cause that is rare in it.
_OPEN_OF = """
(SELECT count(*) FROM (SELECT 1 FROM dead_letters_deadletter d WHERE d.fingerprint = {cause} AND d.status = 'open'
                        ORDER BY d.created_at DESC, d.id DESC LIMIT %(cap)s) counted)
"""
_OPEN = f"SELECT c.id, {_OPEN_OF.format(cause='c.id')} FROM unnest(%(ids)s::uuid[]) AS c(id)"
_PRESSING = f"""
SELECT id, letters, count(*) OVER (), sum(letters) OVER () FROM (
  SELECT c.id, {_OPEN_OF.format(cause="c.id")} AS letters
    FROM (SELECT id FROM dead_letters_cause WHERE state IN ('open', 'acknowledged')
           ORDER BY first_seen_at DESC LIMIT %(known)s) c) all_of_them
 WHERE letters > 0 ORDER BY letters DESC, id LIMIT %(most)s
"""
_ALL_OPEN = "SELECT 1 FROM dead_letters_deadletter WHERE status = 'open' ORDER BY created_at DESC, id DESC"
_THAT_PRESS = """
SELECT 1 FROM dead_letters_cause c
 WHERE c.state IN ('open', 'acknowledged')
   AND EXISTS (SELECT 1 FROM dead_letters_deadletter d WHERE d.fingerprint = c.id AND d.status = 'open')
"""
_LAST = "h.hour > date_trunc('hour', statement_timestamp()) - make_interval(hours => %(hours)s)"
_HOURS = f"""
SELECT cause_id, sum(died), (extract(epoch FROM date_trunc('hour', statement_timestamp()) - h.hour) / 3600)::int
  FROM dead_letters_causehour h WHERE cause_id = ANY(%(ids)s::uuid[]) AND {_LAST} GROUP BY cause_id, h.hour
"""
_ACCOUNTS = f"""
SELECT cause_id, count(DISTINCT account_label)
  FROM dead_letters_causehour h WHERE cause_id = ANY(%(ids)s::uuid[]) AND {_LAST} GROUP BY cause_id
"""
_HIT = f"""
SELECT account_label, sum(died) FROM dead_letters_causehour h WHERE cause_id = %(id)s AND {_LAST}
 GROUP BY account_label ORDER BY sum(died) DESC, account_label LIMIT %(most)s
"""


def figures(ids: Iterable[uuid.UUID], *, hours: int = 24) -> dict[uuid.UUID, Figures]:
    """How many letters are open, and how many died when in the last hours; three queries for any number of causes."""
    named = list(ids)
    by_hour = {each: [0] * hours for each in named}
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"ids": named, "cap": OPEN_CAP + 1})
        open_letters = dict(cursor.fetchall())
        cursor.execute(_HOURS, {"ids": named, "hours": hours})
        for cause_id, died, ago in cursor.fetchall():
            by_hour[cause_id][hours - 1 - max(0, ago)] = int(died)
        cursor.execute(_ACCOUNTS, {"ids": named, "hours": hours})
        accounts = dict(cursor.fetchall())
    return {each: Figures(open_letters[each], tuple(by_hour[each]), accounts.get(each, 0)) for each in named}


def accounts_hit(cause_id: uuid.UUID, *, hours: int = 24, most: int = 20) -> list[tuple[str, int]]:
    """The accounts with the most deaths of this cause in the last hours, and how many."""
    with connection.cursor() as cursor:
        cursor.execute(_HIT, {"id": cause_id, "hours": hours, "most": most})
        return [(account, int(died)) for account, died in cursor.fetchall()]


def open_letters() -> int:
    """How many dead letters are open; at most OPEN_CAP + 1."""
    return _count_of(_ALL_OPEN, cap=OPEN_CAP + 1)


def pressing_count() -> int:
    """How many causes need somebody; at most KNOWN + 1."""
    return _count_of(_THAT_PRESS, cap=KNOWN + 1)


def _count_of(rows: str, *, cap: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({rows} LIMIT %(cap)s) counted", {"cap": cap})
        return int(cursor.fetchone()[0])


def pressing(*, most: int) -> Pressing:
    """What needs somebody; of very many causes the newest KNOWN."""
    with connection.cursor() as cursor:
        cursor.execute(_PRESSING, {"cap": OPEN_SHOWN + 1, "known": KNOWN, "most": most})
        rows = cursor.fetchall()
    known = Cause.objects.in_bulk([row[0] for row in rows])
    count, letters = (int(rows[0][2]), int(rows[0][3])) if rows else (0, 0)
    return Pressing(count, letters, [known[row[0]] for row in rows if row[0] in known])

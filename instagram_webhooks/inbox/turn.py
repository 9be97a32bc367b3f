"""
Whose turn it is to do what is done for all, as to sweep: one process at a time, and one an interval, however many
there are.

Without it sixteen workers would sweep sixteen times as often, and with a large backlog, where a sweep
reads much and finds little, they would keep the database busy with it.
"""

from datetime import datetime

from django.db import connection

from instagram_webhooks.models import Turn

BEAT = "beat"  # taken by each message of beat's that comes through (tasks.py)

_TAKE = """
INSERT INTO instagram_webhooks_turn (name, free_at, taken_at)
VALUES (%(name)s, clock_timestamp() + make_interval(secs => %(every)s), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET free_at = excluded.free_at, taken_at = excluded.taken_at
 WHERE instagram_webhooks_turn.free_at <= clock_timestamp()
    OR instagram_webhooks_turn.free_at > clock_timestamp() + interval '10 minutes'  -- a clock was set back
RETURNING free_at
"""
_REST = """
UPDATE instagram_webhooks_turn SET free_at = greatest(free_at, clock_timestamp() + make_interval(secs => %(rest)s))
 WHERE name = 'sweep'
"""
_DONE = """
INSERT INTO instagram_webhooks_turn (name, free_at) VALUES (%(name)s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET free_at = excluded.free_at
"""
_DONE_AGO = """
SELECT greatest(extract(epoch FROM clock_timestamp() - free_at), 0)::float8
  FROM instagram_webhooks_turn WHERE name = %(name)s
"""
# A sweep that took long is followed by a pause nine times as long: it costs a tenth of the time at most. But not
# longer than this: a database that was away for a moment, just then, must not keep lost wake-ups waiting.
PAUSES, LONGEST_S = 9, 10.0


def take(every_s: float, name: str = "sweep") -> bool:
    """Whether it is this process's turn to do this; nobody else's for so long then."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"name": name, "every": every_s})
        return cursor.fetchone() is not None


def taken() -> dict[str, datetime]:
    """When each turn was last taken, by its name."""
    return {name: at for name, at in Turn.objects.values_list("name", "taken_at") if at is not None}


def beat_unheard_since(at: datetime | None, *, worked_since: datetime | None) -> datetime | None:
    """Since when nobody has heard beat, which was last heard then; None where no worker is there to hear it.

    worked_since: the start of the first worker of those that live.
    """
    return max(at, worked_since) if at and worked_since else worked_since


def done(name: str = "sweep") -> None:
    """It was done to its end just now. In a row of its own: a turn is also taken by what then fails."""
    with connection.cursor() as cursor:
        cursor.execute(_DONE, {"name": f"{name} done"})


def done_ago_s(name: str = "sweep") -> float | None:
    """Since it was last done; None: never."""
    with connection.cursor() as cursor:
        cursor.execute(_DONE_AGO, {"name": f"{name} done"})
        row = cursor.fetchone()
    return row[0] if row else None


def rest(took_s: float) -> None:
    """Nobody's turn for a while after a sweep that took so long."""
    with connection.cursor() as cursor:
        cursor.execute(_REST, {"rest": min(took_s * PAUSES, LONGEST_S)})

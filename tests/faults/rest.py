"""Waiting for a run to come to rest, and bringing back what died of its faults."""

import time

import psycopg
import redis

from tests.faults.tables import EVENTS, REPLIES

POLL_S = 1.0  # it counts what is open, which is not free
SHOWN = 20
ROUNDS = 3
LONGEST = 5

OPEN = f"SELECT count(*) AS n FROM {EVENTS} WHERE finished_at IS NULL"
STATES = f"""
SELECT state, kind, count(*) AS n FROM {EVENTS} WHERE finished_at IS NULL GROUP BY 1, 2 ORDER BY 3 DESC
"""
PACE = f"""
SELECT (SELECT count(*) FROM {EVENTS} WHERE finished_at > clock_timestamp() - interval '10 seconds') AS ended,
       (SELECT count(*) FROM instagram_webhooks_worker
         WHERE stopped_at IS NULL AND pulse_at > clock_timestamp() - interval '10 seconds') AS workers
"""
# The head of each lane that stands, by the rule of the claim, and all that could hold it up.
STANDING = f"""
SELECT DISTINCT ON (coalesce(e.lane, e.event_id))
       coalesce(e.lane, e.event_id) AS lane, e.event_id, e.kind, e.state, e.reason, e.attempts, e.starts, e.fence,
       round(extract(epoch FROM e.claimable_at - clock_timestamp())::numeric, 1) AS due_in_s,
       round(extract(epoch FROM clock_timestamp() - e.received_at)::numeric, 1) AS age_s,
       round(extract(epoch FROM clock_timestamp() - e.dispatched_at)::numeric, 1) AS offered_s,
       count(*) OVER (PARTITION BY coalesce(e.lane, e.event_id)) AS waiting,
       round(extract(epoch FROM clock_timestamp() - w.pulse_at)::numeric, 1) AS pulse_s,
       r.state AS reply, r.lookups, r.error_code,
       a.account_id IS NOT NULL AS has_account, a.state AS account,
       round(extract(epoch FROM a.paused_until - clock_timestamp())::numeric, 1) AS paused_s
  FROM {EVENTS} e
  LEFT JOIN {REPLIES} r ON r.event_id = e.event_id
  LEFT JOIN instagram_webhooks_account a ON a.provider = e.provider AND a.account_id = e.account
  LEFT JOIN instagram_webhooks_worker w ON w.id = e.worker_id
 WHERE e.finished_at IS NULL
 ORDER BY coalesce(e.lane, e.event_id), e.state <> 'processing', e.order_at, e.received_at, e.place, e.event_id
 LIMIT {SHOWN}
"""
LETTERS = """
SELECT count(*) AS n FROM dead_letters_deadletter
 WHERE status = 'open' AND code NOT IN ('reply_undecided', 'worker_killer')
"""


class NotAtRest(AssertionError):
    """What still stands, and why, as far as the rows tell."""


def come_to_rest(house, within_s):
    """Waits until no event is open and no echo on its way; how long that took, in seconds.

    Raises NotAtRest where for so long no fewer events are open than ever before, or after LONGEST times that.
    """
    begun = moved = time.monotonic()
    fewest = float("inf")
    while (now_open := _open(house)) != 0 or not _is_quiet(house):
        now = time.monotonic()
        if now_open is not None and now_open < fewest:
            fewest, moved = now_open, now
        if now > moved + within_s or now > begun + LONGEST * within_s:
            raise NotAtRest(f"not at rest after {now - begun:.0f} s\n{standing(house)}")
        time.sleep(POLL_S)
    return time.monotonic() - begun


def replay_dead(house, within_s):
    """Replays what died, but what a person must decide, until none is left or dies again; how many replays."""
    replayed = 0
    for _ in range(ROUNDS):
        (letters,) = house.rows(LETTERS)
        if not letters["n"]:
            break
        replayed += int(house.manage("-m", "tests.faults.letters").split()[-1])
        come_to_rest(house, within_s)
    return replayed


def standing(house):
    """The lanes that stand, as a table: each head with all that could hold it up."""
    try:
        (pace,) = house.rows(PACE)
        states = [f"{row['n']} {row['kind']} {row['state']}" for row in house.rows(STATES)]
        heads = [" ".join(f"{name}={value}" for name, value in row.items() if value not in (None, ""))
                 for row in house.rows(STANDING)]  # fmt: skip
    except psycopg.Error as failure:
        return f"and the database does not answer: {type(failure).__name__}"
    words = f"in the last 10 s: {pace['ended']} events ended, {pace['workers']} workers alive; {_queued(house)}"
    echoes = f"{house.echoes_waiting()} echoes on their way"
    return "\n".join([f"open: {', '.join(states)}", f"{words}; {echoes}", *heads])


def _queued(house):
    try:
        with house.broker() as broker:
            return f"{broker.llen(house.queue)} messages in the queue"
    except redis.RedisError as failure:
        return f"the broker does not answer: {type(failure).__name__}"


def _is_quiet(house):
    """Whether nothing comes any more, asked where no event was open: who sends nothing has no new echo to wait for."""
    return house.echoes_waiting() == 0 and _open(house) == 0


def _open(house):
    try:
        return house.rows(OPEN)[0]["n"]
    except psycopg.Error:
        return None  # it may just be starting

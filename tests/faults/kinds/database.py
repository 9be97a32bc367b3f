"""PostgreSQL that restarts, stands still, hangs up, or is pressed hard."""

import contextlib

import psycopg

from tests.faults.kinds.registry import fault

EVENTS = "instagram_webhooks_webhookevent"
CROWD = 300
LONGER_THAN_LOCKS_WAIT = (11.0, 13.0)
_HANG_UP = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE application_name = 'instagram-webhooks' AND random() < %s
"""
HELD = f"""
SELECT event_id FROM {EVENTS} WHERE state IN ('received', 'processing', 'retrying')
 ORDER BY claimable_at LIMIT 20 FOR UPDATE SKIP LOCKED
"""


@fault("postgres.restart", weight=1.5, targets="postgres")
def _restarts(scene):
    scene.house.postgres.stop()
    scene.lasts(0, 1, then=scene.house.postgres.start)


@fault("postgres.away", weight=0, targets="postgres")
def _is_away(scene):
    """Ten seconds, as for an upgrade."""
    scene.house.postgres.stop()
    scene.lasts(10, 10, then=scene.house.postgres.start)


@fault("postgres.kill", weight=1.5, targets="postgres")
def _dies(scene):
    scene.house.postgres.kill()
    scene.house.postgres.start()


@fault("postgres.freeze", weight=2, targets="postgres")
def _stands_still(scene):
    scene.house.postgres.freeze()
    scene.lasts(1, 3, then=scene.house.postgres.thaw)


@fault("postgres.hang_up", weight=2, targets="postgres")
def _hangs_up(scene):
    _terminate(scene, 1.0)


@fault("postgres.hang_up_some", weight=5, targets="postgres")
def _hangs_up_on_some(scene):
    for _ in range(scene.rng.randint(1, 4)):
        _terminate(scene, 0.3)
        scene.lasts(0.05, 0.3)


def _terminate(scene, share):
    (row,) = scene.house.rows(_HANG_UP, share)
    scene.note(row["count"])


@fault("postgres.lock", weight=3, targets="postgres")
def _table_is_locked(scene):
    with _transaction(scene) as connection:
        connection.execute("SET lock_timeout = '3s'")
        with contextlib.suppress(psycopg.errors.LockNotAvailable):
            connection.execute(f"LOCK TABLE {EVENTS} IN ACCESS EXCLUSIVE MODE")
            scene.lasts(0.5, 1)


@fault("postgres.crowd", weight=1, targets="postgres")
def _connections_are_used_up(scene):
    """Idle connections as many as it takes, and the service has to make new ones."""
    with contextlib.ExitStack() as crowd:
        count = 0
        with contextlib.suppress(psycopg.Error):
            for _ in range(CROWD):
                crowd.enter_context(psycopg.connect(scene.house.database_url, connect_timeout=2))
                count += 1
                if scene.stopping.is_set():
                    break
        scene.note(count, "connections")
        scene.lasts(1, 3)


@fault("postgres.holder", weight=3, targets="postgres")
def _somebody_holds_rows(scene):
    """Locks on open events and an old snapshot, of a client that does nothing."""
    with _transaction(scene) as connection:
        scene.note(len(connection.execute(HELD).fetchall()), "rows")
        scene.lasts(*scene.rng.choice(((1.5, 4), (1.5, 4), (1.5, 4), LONGER_THAN_LOCKS_WAIT)))


@fault("postgres.readers", weight=2, targets="postgres")
def _four_read(scene):
    """REPEATABLE READ, each with its own snapshot, over and over."""
    with contextlib.ExitStack() as readers:
        connections = [readers.enter_context(_transaction(scene)) for _ in range(4)]
        for _ in range(4):
            for connection in connections:
                connection.execute(f"SELECT state, count(*) FROM {EVENTS} GROUP BY state")
            scene.lasts(0.4, 0.9)


@contextlib.contextmanager
def _transaction(scene):
    """A transaction that is rolled back."""
    with psycopg.connect(scene.house.database_url, connect_timeout=5) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        try:
            yield connection
        finally:
            connection.rollback()

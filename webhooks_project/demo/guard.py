"""
Refuses a database or a broker that is not the demo's.

The demo writes, purges the queue and answers at a stand-in: in a service that people rely on, that would
lose their answers. So it takes what is empty, marks it, and later takes what bears its mark.
"""

import psycopg
import redis

from webhooks_project.demo.errors import Refused

MARK = "instagram_webhooks_demo"
WAIT_S = 5

# Of all roles: information_schema shows only what this one may touch.
_TABLES = """
SELECT count(*), coalesce(bool_or(relname = %s), false)
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%%'
"""


def claim_database(url: str) -> None:
    """The database is the demo's from here on; Refused where it holds anything else, or cannot be asked."""
    try:
        with psycopg.connect(url, connect_timeout=WAIT_S) as connection:
            row = connection.execute(_TABLES, [MARK]).fetchone()
            count, is_marked = row or (0, False)
            if is_marked:
                return
            if not count:
                connection.execute(f"CREATE TABLE public.{MARK} ()")
                return
    except psycopg.Error as exc:
        raise Refused(
            f"DATABASE_URL: no PostgreSQL takes the demo there ({type(exc).__name__}). Mend it, or unset it: "
            "then the demo starts a PostgreSQL of its own."
        ) from exc
    raise Refused(
        f"DATABASE_URL names a database with {count} tables that no demo made, so it is left alone. Name an "
        "empty one, or unset it: then the demo starts a PostgreSQL of its own."
    )


def claim_broker(url: str) -> None:
    """The Redis database is the demo's from here on; Refused where it holds anything else."""
    try:
        with redis.Redis.from_url(url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S) as broker:
            count = int(broker.dbsize())
            if not count or broker.exists(MARK):
                broker.set(MARK, "1")
                return
    except (redis.RedisError, ValueError) as exc:
        raise Refused(
            f"REDIS_URL: no Redis takes the demo there ({type(exc).__name__}). Mend it, or unset it: "
            "then the demo starts a Redis of its own."
        ) from exc
    raise Refused(
        f"REDIS_URL names a Redis database with {count} keys that no demo made, so it is left alone. Name an "
        "empty one (redis://host:port/9), or unset it: then the demo starts a Redis of its own."
    )

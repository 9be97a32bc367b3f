"""What the checker asks the database: the product's tables, beside what was asked for and what Meta took."""

import contextlib

import psycopg

from tests.faults.keys import event_key

EVENTS, REPLIES = "instagram_webhooks_webhookevent", "instagram_webhooks_outgoingreply"
MESSAGES = "instagram_webhooks_message"

# Temporary tables: a comparison of two sets is one statement, and a million rows need no memory here.
MAKE = """
CREATE TEMP TABLE asked (key uuid PRIMARY KEY, number integer, kind text, is_answered boolean, is_acked boolean);
CREATE TEMP TABLE echoed (key uuid);
CREATE TEMP TABLE taken (number integer, place integer);
"""
KNOW = "CREATE INDEX ON taken (number); ANALYZE asked; ANALYZE echoed; ANALYZE taken"


@contextlib.contextmanager
def beside(database_url, oracle, taken):
    """A connection with the temporary tables filled. taken: Taken, in Meta's order."""
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        connection.execute(MAKE)
        _fill(connection, "asked (key, number, kind, is_answered, is_acked)", (
            (event.key.hex(), event.number, event.kind, event.is_answered, event.acked_at is not None)
            for event in oracle.events.values()
        ))  # fmt: skip
        echoed = (event_key("echo", each.account, each.mid, mid=each.mid) for each in taken)
        _fill(connection, "echoed (key)", ((key.hex(),) for key in echoed))
        _fill(connection, "taken (number, place)", (
            (each.number, place) for place, each in enumerate(taken) if each.number is not None
        ))  # fmt: skip
        connection.execute(KNOW)
        yield connection
        connection.rollback()


def streamed(connection, sql):
    """Rows of a query that has many, some at a time."""
    with connection.cursor("many") as cursor:
        cursor.itersize = 5000
        cursor.execute(sql)
        yield from cursor


def _fill(connection, table, rows):
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)

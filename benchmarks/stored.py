"""Events that had a full life long ago, loaded by a few set-based statements; for what an event costs beside many."""

from typing import Any

from tests.processes.product import ACCOUNT

DAYS, IN_A_CONVERSATION, AT_ONCE = 30, 20, 250_000
PROVIDER = "instagram"
_EVENTS, _PAYLOADS, _CONVERSATIONS, _MESSAGES, _REPLIES = (
    f"instagram_webhooks_{name}"
    for name in ("webhookevent", "eventpayload", "conversation", "message", "outgoingreply")
)
TABLES = (_EVENTS, _PAYLOADS, _CONVERSATIONS, _MESSAGES, _REPLIES, "audit_auditentry")


def _id_at(time: str) -> str:
    """A version 7 id of that time."""
    return f"""(lpad(to_hex((extract(epoch FROM {time}) * 1000)::bigint), 12, '0')
                || '7' || substr(md5(random()::text), 1, 3) || 'a' || substr(md5(random()::text), 5, 15))::uuid"""


# As vault.keys_of has it.
KEY = "(left(message_digest::text, 18) || right(gen_random_uuid()::text, 18))::uuid"
# {first} to {last} are numbers of events; the last is the newest.
_LIVED = f"""
CREATE TEMPORARY TABLE lived ON COMMIT DROP AS
SELECT n, at, {_id_at("at")} AS event_id, {_id_at("at")} || '.1' AS correlation_id,
       md5('c' || n / {IN_A_CONVERSATION})::uuid AS conversation_id,
       gen_random_uuid() AS message_digest, gen_random_uuid() AS reply_digest,
       decode(repeat(md5(n::text), 26), 'hex') AS sealed
  FROM generate_series({{first}}::int, {{last}}::int) AS counted(n),
       LATERAL (SELECT now() - interval '{DAYS} days' * (1 - n::float8 / {{all}}) - interval '1 hour' AS at) timed
"""
_ROWS = (
    f"""INSERT INTO {_EVENTS}
          (event_id, key, provider, kind, account, conversation_id, lane, message_digest, correlation_id, state,
           reason, attempts, starts, fence, happened_at, received_at, place, order_at, finished_at)
        SELECT event_id, {KEY}, '{PROVIDER}', 'message', '{ACCOUNT}', conversation_id, conversation_id,
               message_digest, correlation_id, 'processed', '', 1, 0, 1, at, at, 1, at, at FROM lived""",
    f"INSERT INTO {_PAYLOADS} (event_id, sealed) SELECT event_id, sealed FROM lived",
    f"""INSERT INTO {_CONVERSATIONS} (id, provider, account, sealed_partner, last_message_at, last_reply_at)
        SELECT DISTINCT ON (conversation_id) conversation_id, '{PROVIDER}', '{ACCOUNT}', substr(sealed, 1, 50), at, at
          FROM lived ON CONFLICT DO NOTHING""",
    f"""INSERT INTO {_MESSAGES} (id, conversation_id, author, kind, message_digest, event_id, sealed, edit_number,
                                happened_at)
        SELECT {_id_at("at")}, conversation_id, author, 'message', digest, event_id, substr(sealed, 1, 130), 0, at
          FROM lived, LATERAL (VALUES ('customer', message_digest), ('service', reply_digest)) said(author, digest)""",
    f"""INSERT INTO {_REPLIES} (id, event_id, reply_key, conversation_id, provider, account, sealed_text, state, reason,
                               message_digest, called_at, lookups, error_class, error_code, sent_at, is_held)
        SELECT {_id_at("at")}, event_id, gen_random_uuid(), conversation_id, '{PROVIDER}', '{ACCOUNT}',
               substr(sealed, 1, 70), 'sent', '', reply_digest, at, 0, '', '', at, false FROM lived""",
    f"""INSERT INTO audit_auditentry (id, at, action, subject_id, provider, correlation_id, attempt, detail)
        SELECT {_id_at("at")}, at, 'event.processed', event_id, '{PROVIDER}', correlation_id, 1,
               '{{"fence": 1, "reply": "sent"}}' FROM lived""",
)


def load(connection: Any, count: int) -> None:
    """So many events and all that their lives left behind, over the days before now; then VACUUM ANALYZE.

    connection: psycopg's, in autocommit.
    """
    for first in range(1, count + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, count)
        with connection.transaction():
            connection.execute(_LIVED.format(first=first, last=last, all=count))
            for statement in _ROWS:
                connection.execute(statement)
    for table in TABLES:
        connection.execute(f"VACUUM ANALYZE {table}")


def warm(connection: Any) -> None:
    """Reads all indexes into PostgreSQL's memory, the largest last; it needs the extension pg_prewarm."""
    connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
    connection.execute(
        """SELECT sum(pg_prewarm(index)) FROM (SELECT indexrelid AS index FROM pg_index
            WHERE indrelid = ANY (%s::regclass[]) ORDER BY pg_relation_size(indexrelid)) AS of_all""",
        [list(TABLES)],
    )


def sizes(connection: Any) -> dict[str, tuple[int, int]]:
    """Of each table the bytes of its rows and of its indexes."""
    asked = "SELECT pg_table_size(%s::regclass), pg_indexes_size(%s::regclass)"
    return {table: connection.execute(asked, [table, table]).fetchone() for table in TABLES}

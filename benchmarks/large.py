"""
A large installation as its pages see it, loaded by set-based statements: events of every state over thirty days, dead
letters of twelve causes, replies, audit entries, conversations, accounts and replays.

Payloads are left out, and messages of nine in ten conversations: no page reads them but by their key.
"""

from dataclasses import dataclass
from typing import Any

from benchmarks.stored import DAYS, IN_A_CONVERSATION, KEY, _id_at

AT_ONCE = 250_000
BYTES_AN_EVENT = 3000  # with indexes, and what a load of them takes for itself
_EVENTS, _CONVERSATIONS, _MESSAGES, _REPLIES = (
    f"instagram_webhooks_{name}" for name in ("webhookevent", "conversation", "message", "outgoingreply")
)
_LETTERS, _AUDIT = "dead_letters_deadletter", "audit_auditentry"
TABLES = (_EVENTS, _CONVERSATIONS, _MESSAGES, _REPLIES, _LETTERS, _AUDIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of what. Every so many-th event has a dead letter."""

    events: int = 5_000_000
    letters: int = 1_000_000
    causes: int = 12
    accounts: int = 200

    @property
    def each(self) -> int:
        return self.events // self.letters


_FEW = (
    """INSERT INTO dead_letters_cause
         (id, version, error_class, code, upstream_code, summary, place, first_seen_at, state, changed_by, note)
       SELECT md5('cause' || c)::uuid, 1, 'GraphRefused', 'graph_refused_' || c, 100 + c,
              'Refused for the reason of number ' || c || '.', '', now() - interval '{days} days', 'open', '', ''
         FROM generate_series(1, {causes}) c""",
    """INSERT INTO instagram_webhooks_account
         (id, provider, account_id, label, sealed_token, state, replies, unknown_in_a_row, created_at)
       SELECT gen_random_uuid(), provider, id, '@shop_' || a, '', CASE WHEN a % 40 = 0 THEN 'token' ELSE 'active' END,
              'on', 0, now()
         FROM generate_series(1, {accounts}) a, LATERAL (SELECT {account} AS id, {provider} AS provider) named""",
    """INSERT INTO instagram_webhooks_minute (minute, received, processed, dead, p50_ms, p95_ms)
       SELECT m, {events} / ({days} * 1440), {events} / ({days} * 1440), {letters} / ({days} * 1440), 400, 1900
         FROM generate_series(date_trunc('minute', now()) - interval '{days} days',
                              date_trunc('minute', now()) - interval '1 minute', interval '1 minute') m""",
)
_ACCOUNT = "17841400000000000 + a"
_PROVIDER = "CASE WHEN a % 10 < 7 THEN 'instagram' WHEN a % 10 < 9 THEN 'facebook' ELSE 'whatsapp' END"
_STATE = """
CASE WHEN status IN ('open', 'resolved', 'discarded') THEN 'dead'
     WHEN status IS NOT NULL THEN 'processed'
     WHEN n > {events} - {events} / 2000 THEN CASE WHEN n % 100 = 1 THEN 'processing' ELSE 'received' END
     WHEN n % 251 = 1 THEN 'parked' WHEN n % 1009 = 2 THEN 'retrying' WHEN n % 17 = 3 THEN 'ignored'
     ELSE 'processed' END
"""
_STATUS = """
CASE WHEN n % {each} <> 0 THEN NULL
     ELSE (ARRAY['open', 'open', 'replayed', 'replayed', 'replayed', 'replayed', 'replayed', 'resolved', 'resolved',
                 'discarded'])[n / {each} % 10 + 1] END
"""
_KIND = """
(ARRAY['message', 'echo', 'read', 'delivery', 'reaction', 'postback', 'comment'])[greatest(n % 20 - 13, 0) + 1]
"""
# Few accounts have most of the conversations, and few causes most of the letters.
_SKEWED = "(1 + floor({most} * power((hashint4({of}) & 65535) / 65536.0, 2)))::int"
# {first} to {last} are numbers of events; the last is the newest.
_LIVED = f"""
CREATE TEMPORARY TABLE lived ON COMMIT DROP AS
SELECT *, {{state}} AS state, {{provider}} AS provider, ({{account}})::text AS account,
       {_id_at("at")} AS event_id, md5('c' || n / {IN_A_CONVERSATION})::uuid AS conversation_id,
       gen_random_uuid() AS message_digest, md5(n::text) || '.1' AS correlation_id
  FROM generate_series({{first}}::int, {{last}}::int) AS counted(n),
       LATERAL (SELECT now() - interval '{DAYS} days' * (1 - n::float8 / {{events}}) AS at, {{status}} AS status,
                       {{skewed_account}} AS a, {{skewed_cause}} AS cause, {{kind}} AS kind) told
"""
_OPEN = "('received', 'processing', 'retrying', 'parked')"
_ROWS = (
    f"""INSERT INTO {_EVENTS}
          (event_id, key, provider, kind, account, conversation_id, lane, message_digest, correlation_id, state,
           reason, attempts, starts, fence, worker_id, happened_at, received_at, place, order_at, claimable_at,
           finished_at)
        SELECT event_id, {KEY}, provider, kind, account, conversation_id,
               CASE WHEN kind IN ('message', 'postback') THEN conversation_id END, message_digest, correlation_id,
               state, CASE state WHEN 'parked' THEN 'token' WHEN 'ignored' THEN 'no_handler' ELSE '' END, 1, 0, 1,
               CASE WHEN state = 'processing' THEN gen_random_uuid() END, at, at, 1, at,
               CASE WHEN state IN ('received', 'processing') THEN at
                    WHEN state = 'retrying' THEN now() + interval '1 hour' END,
               CASE WHEN state NOT IN {_OPEN} THEN at END
          FROM lived""",
    f"""INSERT INTO {_CONVERSATIONS} (id, provider, account, sealed_partner, created_at, last_message_at, last_reply_at)
        SELECT DISTINCT ON (conversation_id) conversation_id, provider, account, '', at, at, at
          FROM lived ON CONFLICT DO NOTHING""",
    f"""INSERT INTO {_MESSAGES} (id, conversation_id, author, kind, message_digest, event_id, edit_number, happened_at)
        SELECT {_id_at("at")}, conversation_id, 'customer', 'message', message_digest, event_id, 0, at
          FROM lived WHERE n / {IN_A_CONVERSATION} % 10 = 0""",
    f"""INSERT INTO {_REPLIES} (id, event_id, reply_key, conversation_id, provider, account, sealed_text, state, reason,
                               message_digest, called_at, lookups, error_class, error_code, sent_at, is_held)
        SELECT {_id_at("at")}, event_id, gen_random_uuid(), conversation_id, provider, account, '', 'sent', '',
               gen_random_uuid(), at, 0, '', '', at, false
          FROM lived WHERE kind = 'message' AND state = 'processed'""",
    f"""INSERT INTO {_LETTERS}
          (id, subject_kind, subject_id, lane, order_at, provider, kind, account_label, correlation_id, error_class,
           code, upstream_code, summary, attempts, fingerprint, status, created_at, closed_at, closed_by, close_reason,
           replays, alerted_at)
        SELECT {_id_at("at")}, 'instagram_webhooks.event', event_id, conversation_id, at, provider, kind, account,
               correlation_id, 'GraphRefused', 'graph_refused_' || cause, 100 + cause,
               'Refused for the reason of number ' || cause || '.', 3, md5('cause' || cause)::uuid, status, at,
               CASE WHEN status <> 'open' THEN at END, CASE WHEN status <> 'open' THEN 'ops' ELSE '' END, '',
               CASE WHEN status = 'replayed' THEN 1 ELSE 0 END, at
          FROM lived WHERE status IS NOT NULL""",
    f"""INSERT INTO {_AUDIT} (id, at, action, subject_id, provider, correlation_id, actor, attempt, detail)
        SELECT {_id_at("at")}, at, action, event_id, provider, correlation_id,
               CASE WHEN action LIKE 'dead_letter.%' THEN 'ops' ELSE 'system' END, 1, '{{{{"fence": 1}}}}'
          FROM lived, LATERAL (
                 SELECT unnest(CASE WHEN status = 'open' THEN ARRAY['event.retrying', 'event.failed']
                                    WHEN status IS NOT NULL
                                    THEN ARRAY['event.retrying', 'event.failed', 'dead_letter.' || status]
                                    WHEN state = 'processed' THEN ARRAY['event.processed']
                                    WHEN state = 'retrying' THEN ARRAY['event.retrying'] END) AS action) said""",
)
_BATCHES = (
    """INSERT INTO dead_letters_replaybatch
         (id, name, chosen, reason, actor, state, why, rate, stop_percent, total, created_at, ran_at, ended_at)
       SELECT md5('batch' || b)::uuid, 'batch ' || b, '{}', 'mended', 'ops', 'done', '', 20, 10, 10000, now(), now(),
              now()
         FROM generate_series(1, 200) b""",
    f"""INSERT INTO dead_letters_replayitem (batch_id, place, letter_id, subject_id, outcome, why)
        SELECT md5('batch1')::uuid, row_number() OVER (), id, subject_id,
               CASE WHEN row_number() OVER () % 50 = 0 THEN 'skipped' ELSE 'processed' END, ''
          FROM (SELECT id, subject_id FROM {_LETTERS} WHERE status = 'replayed' LIMIT 10000) chosen""",
)


def load(connection: Any, size: Size) -> None:
    """All of it into empty tables, then VACUUM ANALYZE. Plain indexes are made when the rows are there: a third of the
    time.

    connection: psycopg's, in autocommit.
    """
    words = _words(size)
    for statement in _FEW:
        connection.execute(statement.format(**words))
    connection.execute("SET maintenance_work_mem = '512MB'")
    plain = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index \
             WHERE indrelid = ANY(%s::regclass[]) AND NOT indisunique"
    indexes = connection.execute(plain, [list(TABLES)]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    for first in range(1, size.events + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, size.events)
        with connection.transaction():
            connection.execute(_LIVED.format(first=first, last=last, **words))
            for statement in _ROWS:
                connection.execute(statement.format(**words))
    for _, made in indexes:
        connection.execute(made)
    for statement in _BATCHES:
        connection.execute(statement)
    connection.execute("VACUUM ANALYZE")


def _words(size: Size) -> dict[str, object]:
    numbers = {"events": size.events, "letters": size.letters, "causes": size.causes, "accounts": size.accounts,
               "each": size.each, "days": DAYS}  # fmt: skip
    return numbers | {
        "account": _ACCOUNT,
        "provider": _PROVIDER,
        "kind": _KIND,
        "state": _STATE.format(**numbers),
        "status": _STATUS.format(**numbers),
        "skewed_account": _SKEWED.format(most=size.accounts, of=f"n / {IN_A_CONVERSATION}"),
        "skewed_cause": _SKEWED.format(most=size.causes, of=f"n / {size.each}"),
    }

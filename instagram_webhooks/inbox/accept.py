"""Storing what the door verified, one statement for all events of the POSTs that wait at once; then waking workers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction

from audit.ids import uuid7
from audit.log import Entry, record_many
from instagram_webhooks import vault
from instagram_webhooks.conf import conf
from instagram_webhooks.events import ParsedEvent, Provider
from instagram_webhooks.inbox import wake_ups
from instagram_webhooks.inbox.arrays import array, as_input, columns, take_arrays
from instagram_webhooks.inbox.group import LOCK_WAIT_MS, Group
from instagram_webhooks.inbox.line import Line, RowBusy, executed, is_of_a_row
from instagram_webhooks.inbox.statements import is_held, is_of_active_account, of_first_open
from instagram_webhooks.inbox.sweep import GATE_OF_EMPTY_QUEUE_S
from instagram_webhooks.models import EventPayload

Run = Callable[[str, Mapping[str, object]], list[tuple[Any, ...]]]

WAIT_S = 2.5  # a POST that the database does not serve by then is answered 503


@dataclass(slots=True, kw_only=True)  # a frozen one takes three times as long to make
class Row:
    """One event, ready for the statement below. `verdict` is a reason to ignore it at once, or ""."""

    event_id: UUID
    key: bytes
    provider: str
    kind: str
    account: str
    conversation_id: bytes | None
    lane: bytes | None
    message_digest: bytes | None
    correlation_id: str
    happened_at: datetime | None
    place: int
    verdict: str
    sealed: bytes = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Stored:
    """What became of one row: `is_new` False where the event was known, under the `event_id` given here.

    wakes: whether a worker is to be told of it; lane: its bytes, where it is new.
    """

    event_id: UUID
    lane: bytes | None = None
    is_new: bool
    wakes: bool = False


COLUMNS = {
    "event_id": "uuid",
    "key": "uuid",
    "provider": "text",
    "kind": "text",
    "account": "text",
    "conversation_id": "uuid",
    "lane": "uuid",
    "message_digest": "uuid",
    "correlation_id": "text",
    "happened_at": "timestamptz",
    "place": "smallint",
    "verdict": "text",
    "sealed": "bytea",
}
# Sorted by key: clients that insert the same keys in other orders would lock each other out.
# The memory of keys is judged by the database's clock. A time far ahead counts as the arrival.
# Whoever takes the head of a lane goes on with what is behind it. So nobody is told of an event while its lane waits
# for a worker and was offered a moment ago: a backlog has one wake-up a lane, not one an event. An account that is not
# active parks what a wake-up names, so its events all have theirs. Decision 15.
INSERT = f"""
WITH {as_input(COLUMNS)}, judged AS (
  SELECT t.event_id, t.key, t.provider, t.kind, t.account, t.conversation_id, t.lane, t.message_digest,
         t.correlation_id, t.place, t.verdict,
         CASE WHEN t.happened_at > statement_timestamp() + interval '10 minutes' THEN statement_timestamp()
              ELSE t.happened_at END AS happened_at,
         {of_first_open("t.lane", "o.dispatched_at > statement_timestamp() - make_interval(secs => %(told_s)s)")}
         AND NOT {is_held("t.lane")}
         AND {is_of_active_account("t")} AS is_told,
         CASE WHEN verdict <> '' THEN verdict
              WHEN happened_at < statement_timestamp() - make_interval(days => %(memory_days)s::int) THEN 'expired'
              ELSE '' END AS reason
  FROM input t
), stored AS (
  INSERT INTO instagram_webhooks_webhookevent
    (event_id, key, provider, kind, account, conversation_id, lane, message_digest, correlation_id,
     state, reason, attempts, starts, fence, happened_at, received_at, place, order_at,
     claimable_at, dispatched_at, finished_at)
  SELECT event_id, key, provider, kind, account, conversation_id, lane, message_digest, correlation_id,
         CASE WHEN reason = '' THEN 'received' ELSE 'ignored' END, reason, 0, 0, 0,
         happened_at, statement_timestamp(), place,
         coalesce(happened_at, statement_timestamp()),
         CASE WHEN reason = '' THEN statement_timestamp() END,
         CASE WHEN reason = '' AND is_told IS NOT TRUE THEN statement_timestamp() END,
         CASE WHEN reason <> '' THEN statement_timestamp() END
  FROM judged ORDER BY key
  ON CONFLICT (key) DO NOTHING
  RETURNING event_id, reason, dispatched_at IS NOT NULL AS wakes
), payloads AS (
  INSERT INTO instagram_webhooks_eventpayload (event_id, sealed)
  SELECT event_id, input.sealed FROM input JOIN stored USING (event_id)
)
SELECT event_id, reason, wakes FROM stored
"""
KNOWN = """
SELECT key, event_id FROM instagram_webhooks_webhookevent WHERE key = ANY(%(keys)s::uuid[])
"""


def accept(provider: Provider, events: Sequence[ParsedEvent], correlation_id: str) -> list[Stored]:
    """What became of each event of one POST, in its order, after the commit.

    Raises StoreUnavailable where the database did not answer within WAIT_S; Meta then delivers again.
    """
    rows = [_row(provider, event, f"{correlation_id}.{n}", n) for n, event in enumerate(events, 1)]
    return group.write(rows, wait_s=WAIT_S)


def _row(provider: Provider, event: ParsedEvent, correlation_id: str, place: int) -> Row:
    event_id, keys = uuid7(), vault.keys_of(provider, event)
    return Row(
        event_id=event_id,
        key=keys.event,
        provider=provider,
        kind=event.kind,
        account=event.account,
        conversation_id=keys.conversation,
        lane=keys.conversation if event.in_lane else None,
        message_digest=keys.message,
        correlation_id=correlation_id,
        happened_at=event.happened_at,
        place=min(place, 32_767),
        verdict="test" if event.is_test else "empty" if event.kind == "empty" else "",
        sealed=vault.seal(event.raw, place=EventPayload.PLACE, row_id=event_id),
    )


def _write(rows: Sequence[Row], line: Line) -> list[Stored]:
    """Inserts the rows in one transaction; what became of each, in their order.

    The same event several times, as in a redelivery that overtakes the first, is sent once.
    """
    given, rows = rows, list({row.key: row for row in reversed(rows)}.values())
    if _may_be_ignored(rows):
        with transaction.atomic():
            new, ignored = _insert(rows, _over_django)
            record_many(ignored)
    else:
        new, _ = _insert(rows, line.run)
    missing = [row.key for row in rows if row.key not in new]
    known = _known(missing, line) if missing else {}
    return [_outcome(row, new.get(row.key) or known[row.key]) for row in given]


def _outcome(row: Row, stored: Stored) -> Stored:
    """The same event twice in one group is new only once."""
    return stored if stored.event_id == row.event_id else replace(stored, is_new=False, wakes=False)


def _may_be_ignored(rows: Sequence[Row]) -> bool:
    """Whether an audit entry may be due, which then shares the transaction; a day's margin for our clock."""
    edge = datetime.now(UTC) - timedelta(days=conf().key_memory_days - 1)
    return any(row.verdict or (row.happened_at is not None and row.happened_at < edge) for row in rows)


def _insert(rows: Sequence[Row], run: Run) -> tuple[dict[bytes, Stored], list[Entry]]:
    given = {row.event_id: row for row in rows}
    new: dict[bytes, Stored] = {}
    ignored: list[Entry] = []
    times = {"memory_days": conf().key_memory_days, "told_s": GATE_OF_EMPTY_QUEUE_S}
    found = run(INSERT, columns(rows, COLUMNS) | times)
    for event_id, reason, wakes in found:
        row = given[event_id]
        new[row.key] = Stored(event_id=event_id, lane=row.lane, is_new=True, wakes=wakes)
        if reason:
            ignored.append(
                Entry(
                    action="event.ignored",
                    subject_id=event_id,
                    provider=row.provider,
                    correlation_id=row.correlation_id,
                    detail={"reason": reason},
                )
            )
    return new, ignored


def _over_django(statement: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """Runs a statement in the transaction of this thread's own connection; raises RowBusy as a Line does."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
    take_arrays(connection.connection)
    try:
        with connection.wrap_database_errors:
            return executed(connection.connection, statement, values, prepare=False)
    except OperationalError as exc:
        if is_of_a_row(exc):
            raise RowBusy from exc
        raise


def _known(keys: list[bytes], line: Line) -> dict[bytes, Stored]:
    return {
        key.bytes: Stored(event_id=event_id, is_new=False)
        for key, event_id in line.run(KNOWN, {"keys": array("uuid", keys)})
    }


def _wake(posts: list[list[Stored]]) -> None:
    """Offers of each POST one event a lane, and every new one without: the worker finds the rest by itself."""
    chosen = [{each.lane or each.event_id: each.event_id for each in stored if each.wakes} for stored in posts]
    wake_ups.offer([event_id for events in chosen for event_id in events.values()])


group: Group[Row, Stored] = Group(_write, _wake)

"""Claiming: a worker becomes the owner of the event whose turn it is, for the length of a lease."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from audit.log import record
from instagram_webhooks.conf import conf
from instagram_webhooks.events import Provider
from instagram_webhooks.inbox.statements import condition, effect, of_first_open
from instagram_webhooks.states import CLAIM, RECLAIM, Move

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on one event, as long as its fence is the newest.

    attempt counts from 1. reply_deadline is None where Meta gave no time.
    """

    event_id: UUID
    fence: int
    provider: Provider
    kind: str
    account: str
    conversation_id: UUID | None
    lane: UUID | None
    message_digest: UUID | None
    correlation_id: str
    attempt: int
    starts: int
    happened_at: datetime | None
    received_at: datetime
    order_at: datetime
    sealed: bytes | None = field(repr=False)
    seen: "Seen | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What stood beside an event when it was claimed. `account` as replies/pause.py reads it, None: there is none."""

    account: Sequence[Any] | None = field(repr=False)
    last_reply_at: datetime | None
    last_human_at: datetime | None
    is_deleted: bool
    read_at: float = field(default_factory=time.monotonic)


# The head of a lane is its event in processing if there is one: reclaimed when its lease has run out,
# before anything older that came since. Else the first open event. Two look-ups in two indexes; one
# ORDER BY over both would read every open event of the lane.
_FIRST = f"""
       CASE WHEN named.lane IS NULL THEN named.event_id ELSE coalesce(
         (SELECT p.event_id FROM instagram_webhooks_webhookevent p
           WHERE p.lane = named.lane AND p.worker_id IS NOT NULL),
         {of_first_open("named.lane", "o.event_id")}) END AS event_id
"""
_HEAD = f"SELECT named.lane, {_FIRST} FROM named"
_NAMED_BY_EVENT = "SELECT event_id, lane FROM instagram_webhooks_webhookevent WHERE event_id = %(name)s"
_NAMED_BY_LANES = "SELECT NULL::uuid AS event_id, lane FROM unnest(%(lanes)s::uuid[]) AS listed(lane)"
_OF_THE_ROW = """
       e.event_id, e.fence, e.provider, e.kind, e.account, e.conversation_id, e.lane, e.message_digest,
       e.correlation_id, e.attempts + 1, e.starts, e.happened_at, e.received_at, e.order_at
"""
_FIELDS = f"""{_OF_THE_ROW},
       (SELECT sealed FROM instagram_webhooks_eventpayload p WHERE p.event_id = e.event_id)
"""
COLUMNS = ("event_id", "fence", "provider", "kind", "account", "conversation_id", "lane", "message_digest",
            "correlation_id", "attempt", "starts", "happened_at", "received_at", "order_at", "sealed")  # fmt: skip
# Whoever finds the row locked gets nothing: another has it, or is about to move it. To wait for a client that does
# nothing would cost a slot at each wake-up.
_TAKE = """
WITH named AS MATERIALIZED ({named}), first AS MATERIALIZED ({head}), head AS MATERIALIZED (
  SELECT h.event_id FROM instagram_webhooks_webhookevent h
   WHERE h.event_id = (SELECT event_id FROM first) FOR UPDATE SKIP LOCKED
)
UPDATE instagram_webhooks_webhookevent e SET {effect}
  FROM head
 WHERE e.event_id = head.event_id AND {condition}
RETURNING {fields}
"""
# For many at once, as common table expressions: `first` is what goes first for each that asks, by its number, and
# `taken` what was claimed of it, in the fields of a Claim but the payload. Each names an event or a lane.
# Rows are named by their ids alone: a join would be planned once, and might read all that is due.
_TAKEN = f"""head AS MATERIALIZED (
  SELECT h.event_id FROM (SELECT DISTINCT event_id FROM first ORDER BY event_id) wanted
    JOIN instagram_webhooks_webhookevent h USING (event_id) FOR UPDATE OF h SKIP LOCKED
), taken AS (
  UPDATE instagram_webhooks_webhookevent e SET {effect(CLAIM)}
   WHERE e.event_id = ANY (ARRAY (SELECT event_id FROM head)) AND {condition(CLAIM)}
  RETURNING {_OF_THE_ROW}
)"""
TAKING_MANY = f"""
WITH named AS MATERIALIZED (
  SELECT asked.n, e.event_id, coalesce(asked.lane, e.lane) AS lane, e.provider, e.account
    FROM unnest(%(ids)s::uuid[], %(lanes)s::uuid[]) WITH ORDINALITY AS asked(id, lane, n)
    LEFT JOIN instagram_webhooks_webhookevent e ON e.event_id = asked.id
), first AS MATERIALIZED (
  SELECT named.n, named.lane, named.provider, named.account, {_FIRST} FROM named
), {_TAKEN}
"""
# The same of what follows in their lanes the events that the same statement ends: `done`, whose `next_of` names the
# lane. They stand there as in processing still, and as the only ones.
TAKING_NEXT = f"""first AS MATERIALIZED (
  SELECT d.event_id AS after, d.at AS answered_at,
         {of_first_open("d.next_of", "o.event_id", but="d.event_id")} AS event_id
    FROM done d WHERE d.next_of IS NOT NULL
), {_TAKEN}"""
# Of a claim that another process of the same worker made. It changes nothing, so the fence is all that proves it.
_HELD = f"""
SELECT {_FIELDS} FROM instagram_webhooks_webhookevent e
 WHERE e.event_id = %(name)s AND e.state = 'processing' AND e.fence = %(fence)s
"""


def _taking(named: str, move: Move) -> str:
    return _TAKE.format(named=named, head=_HEAD, effect=effect(move), condition=condition(move), fields=_FIELDS)


@dataclass(frozen=True, slots=True)
class _Taking:
    """The two statements of a claim: on an event that waits, and on one whose worker lost its lease."""

    waiting: str
    expired: str


BY_EVENT = _Taking(_taking(_NAMED_BY_EVENT, CLAIM), _taking(_NAMED_BY_EVENT, RECLAIM))


def claim(event_id: UUID, *, worker_id: UUID) -> Claim | None:
    """The claim on the head of this event's lane, or on the event itself where it has none; None: not ours now."""
    return _claim(BY_EVENT, event_id, worker_id)


def held(event_id: UUID, *, fence: int) -> Claim | None:
    """The claim that was made with this fence, for a process that works for its maker; None: it is lost."""
    return _execute(_HELD, {"name": event_id, "fence": fence})


def _claim(taking: _Taking, name: UUID, worker_id: UUID) -> Claim | None:
    values = {"name": name, "worker": worker_id, "lease": conf().lease_s}
    try:
        return _execute(taking.waiting, values) or _reclaim(taking.expired, values)
    except IntegrityError:
        return None  # another worker has an event of this lane in processing: the unique index says so


def _reclaim(statement: str, values: dict[str, Any]) -> Claim | None:
    """A claim on an event whose worker lost its lease; that it was lost is audited."""
    with transaction.atomic():
        found = _execute(statement, values)
        if found is not None:
            record(
                "lease.lost",
                subject_id=found.event_id,
                provider=found.provider,
                correlation_id=found.correlation_id,
                attempt=found.attempt,
                detail={"fence": found.fence - 1, "starts": found.starts - 1},
            )
            log.warning("lease.lost", extra={"event_id": str(found.event_id), "starts": found.starts - 1})
        return found


def _execute(statement: str, values: dict[str, Any]) -> Claim | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        return None
    found = dict(zip(COLUMNS, row, strict=True))
    found["sealed"] = None if found["sealed"] is None else bytes(found["sealed"])
    return Claim(**found)


def heads_of(lanes: Iterable[UUID]) -> dict[UUID, UUID]:
    """The event whose turn it is, due or not, in each of these lanes that has an open one; no query without lanes."""
    wanted = list(set(lanes))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(f"WITH named AS ({_NAMED_BY_LANES}) {_HEAD}", {"lanes": wanted})
        return {lane: head for lane, head in cursor.fetchall() if head is not None}


def head_of(lane: UUID) -> UUID | None:
    """The event whose turn it is in a lane, due or not."""
    return heads_of([lane]).get(lane)

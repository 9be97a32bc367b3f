"""Writing to the audit log: one row per act, in the transaction of the act itself."""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection

from audit.facts import IDENTIFIER, plain_mapping
from audit.ids import uuid7

REASON_LIMIT = 500  # characters
_ACTION = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")

# One statement for any number of rows. Plain SQL instead of the model, because the text is then
# constant, a hot path pays for no model instances, and `import audit` works before apps are loaded.
_INTO = """
INSERT INTO audit_auditentry
       (id, action, subject_id, provider, correlation_id, actor, attempt, detail, reason)
"""
_INSERT = f"""{_INTO}
SELECT id, action, subject_id, provider, correlation_id, actor, attempt, detail, reason
  FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::smallint[],
              %s::text[]::jsonb[], %s::text[])
    AS new (id, action, subject_id, provider, correlation_id, actor, attempt, detail, reason)
"""
# The same for a statement of many common table expressions: `done` holds the columns, its event_id the subjects.
RECORDED = f"""recorded AS ({_INTO}
  SELECT i.audit_id, i.action, i.event_id, i.provider, i.correlation_id, i.actor, i.attempt, i.detail::jsonb, i.reason
    FROM done i
)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act to be written down; ValueError where it says more than ids, codes and numbers.

    action: dotted past tense, `event.processed`; at most 64 characters.
    correlation_id: at most 96 characters.
    actor: `system`, or the name of the user who acted.
    detail: facts only (audit/facts.py), no nesting.
    reason: why a person did it, in their own words, at most 500 characters. The one free text here.
    """

    action: str
    subject_id: uuid.UUID | None
    provider: str = ""
    correlation_id: str = ""
    actor: str = "system"
    attempt: int | None = None
    detail: Mapping[str, object] = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        if not _ACTION.fullmatch(self.action) or len(self.action) > 64:
            raise ValueError("An audit action is a dotted lower-case name of at most 64 characters.")
        for name, limit in (("provider", 16), ("correlation_id", 96)):
            value = getattr(self, name)
            if not IDENTIFIER.fullmatch(value) or len(value) > limit:
                raise ValueError(f"An audit entry's {name} is an id of at most {limit} characters.")
        if not 1 <= len(self.actor) <= 150 or not self.actor.isprintable():
            raise ValueError("An audit entry's actor is a user's name of 1 to 150 characters.")
        if len(self.reason) > REASON_LIMIT or "\0" in self.reason:
            raise ValueError(f"An audit entry's reason has at most {REASON_LIMIT} characters.")
        object.__setattr__(self, "detail", plain_mapping(self.detail))

    @property
    def detail_json(self) -> str:
        """The detail as the column holds it."""
        return json.dumps(self.detail, separators=(",", ":"))


def record(
    action: str,
    *,
    subject_id: uuid.UUID | None,
    provider: str = "",
    correlation_id: str = "",
    actor: str = "system",
    attempt: int | None = None,
    detail: Mapping[str, object] | None = None,
    reason: str = "",
) -> None:
    """Write one act to the audit log; it commits or vanishes with the caller's transaction."""
    record_many(
        [
            Entry(
                action=action,
                subject_id=subject_id,
                provider=provider,
                correlation_id=correlation_id,
                actor=actor,
                attempt=attempt,
                detail=detail or {},
                reason=reason,
            )
        ]
    )


def record_many(entries: Sequence[Entry]) -> None:
    """Write several acts with one INSERT, in the caller's transaction."""
    if not entries:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                [uuid7() for _ in entries],
                [entry.action for entry in entries],
                [entry.subject_id for entry in entries],
                [entry.provider for entry in entries],
                [entry.correlation_id for entry in entries],
                [entry.actor for entry in entries],
                [entry.attempt for entry in entries],
                [entry.detail_json for entry in entries],
                [entry.reason for entry in entries],
            ],
        )

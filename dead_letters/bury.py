"""Making a dead letter, in the transaction that ends its subject's work."""

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from audit.frames import class_of, frames_of
from dead_letters.models import DeadLetter, Status

__all__ = ["BuriedError", "bury", "fingerprint_of", "frames_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuriedError:
    """What killed a subject, in words and numbers that are safe to show.

    error_class: the exception's class; code: its stable code.
    summary: one sentence of ours. Never an exception's own message: it may quote what a customer wrote.
    upstream_code, upstream_subcode: the refusing service's own numbers, where it gave any.
    frames: for a bug, where it happened.
    """

    error_class: str
    code: str
    summary: str
    upstream_code: int | None = None
    upstream_subcode: int | None = None
    frames: list[str] | None = None

    @classmethod
    def of_bug(cls, error: BaseException) -> "BuriedError":
        """A programming error: its class and where it happened; what it said stays unsaid."""
        frames = frames_of(error)
        where = next((frame for frame in reversed(frames) if not frame.startswith("from ")), "an unknown place")
        name = type(error).__name__
        return cls(
            error_class=class_of(error),
            code="bug",
            summary=f"A programming error: {name} at {where}.",
            frames=frames,
        )


def bury(
    *,
    subject_kind: str,
    subject_id: uuid.UUID,
    lane: uuid.UUID | None,
    order_at: datetime | None,
    provider: str,
    kind: str,
    account_label: str,
    correlation_id: str,
    error: BuriedError,
    attempts: int,
) -> uuid.UUID:
    """Add a dead letter within the caller's transaction and give its id; alerts.py tells ops.

    A subject has at most one open dead letter: a second death updates the open one, so that
    whoever buries never fails.
    """
    death = _death(error, provider=provider, attempts=attempts)
    letter = DeadLetter(
        subject_kind=subject_kind,
        subject_id=subject_id,
        lane=lane,
        order_at=order_at,
        provider=provider,
        kind=kind,
        account_label=account_label,
        correlation_id=correlation_id,
        **death,
    )
    try:
        with transaction.atomic():
            letter.save(force_insert=True)
    except IntegrityError:
        return _update_open(subject_id, death)
    return letter.id


def _update_open(subject_id: uuid.UUID, death: dict[str, Any]) -> uuid.UUID:
    """The id of the subject's open letter, which now tells of this death."""
    open_one = DeadLetter.objects.filter(subject_id=subject_id, status=Status.OPEN)
    open_one.update(**death)
    return open_one.values_list("id", flat=True).get()


def _death(error: BuriedError, *, provider: str, attempts: int) -> dict[str, Any]:
    return {
        "error_class": error.error_class[:150],
        "code": error.code,
        "upstream_code": _storable(error.upstream_code),
        "upstream_subcode": _storable(error.upstream_subcode),
        "summary": error.summary[:300],
        "frames": error.frames,
        "attempts": attempts,
        "fingerprint": fingerprint_of(error, provider=provider),
    }


def fingerprint_of(error: BuriedError, *, provider: str) -> str:
    """The same 64 hex digits for every death of one cause."""
    parts = (provider, error.error_class, error.code, error.upstream_code, error.upstream_subcode)
    return hashlib.sha256("\n".join(str(part) for part in parts).encode()).hexdigest()


def _storable(number: int | None) -> int | None:
    """A code from outside, if the column can hold it: a burial must not fail over a strange answer."""
    return number if number is not None and abs(number) < 2**31 else None

"""Making a dead letter, in the transaction that ends its subject's work."""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from audit.frames import class_of, frames_of, own_place
from dead_letters.models import Cause, DeadLetter, Status

__all__ = ["BuriedError", "bury", "frames_of"]

# Raised with each change to what makes two deaths one cause: causes of older versions stay as they are.
FINGERPRINT_VERSION = 1
_NUMBER = re.compile(r"\d+")


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
    """Add a dead letter within the caller's transaction and give its id; whoever alerts finds it (fresh.py).

    A subject has at most one open dead letter: a second death updates the open one, so that
    whoever buries never fails.
    """
    cause = cause_of(error)
    # Nothing but an insertion, which a cause that is known already lets pass: thousands may die of it at once.
    Cause.objects.bulk_create([cause], ignore_conflicts=True)
    death = _death(error, cause, attempts=attempts)
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
    open_one.update(**death, alerted_at=None)
    return open_one.values_list("id", flat=True).get()


def _death(error: BuriedError, cause: Cause, *, attempts: int) -> dict[str, Any]:
    shared = {name: getattr(cause, name) for name in ("error_class", "code", "upstream_code", "upstream_subcode")}
    return shared | {
        "cause_id": cause.pk,
        "summary": cause.summary,
        "frames": error.frames,
        "attempts": attempts,
    }


def cause_of(error: BuriedError) -> Cause:
    """What this died of, as a row that may be there already: its id is the fingerprint.

    Two deaths are of one cause where class, codes, sentence and place are the same, numbers in the sentence aside.
    """
    place = own_place(error.frames or [])
    sentence = _NUMBER.sub("0", error.summary)
    numbers = (error.upstream_code, error.upstream_subcode)
    parts = (FINGERPRINT_VERSION, error.error_class, error.code, *numbers, sentence, place)
    digest = hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return Cause(
        id=uuid.UUID(bytes=digest[:16]),
        version=FINGERPRINT_VERSION,
        error_class=error.error_class[:150],
        code=error.code,
        upstream_code=_storable(error.upstream_code),
        upstream_subcode=_storable(error.upstream_subcode),
        summary=error.summary[:300],
        place=place[:300],
    )


def _storable(number: int | None) -> int | None:
    """A code from outside, if the column can hold it: a burial must not fail over a strange answer."""
    return number if number is not None and abs(number) < 2**31 else None

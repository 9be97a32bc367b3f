"""What a timeline shows."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that happened, as audit/timeline.html shows it. at: ISO 8601. facts: in words, none personal."""

    at: str
    what: str
    attempt: int | None
    facts: Sequence[str]

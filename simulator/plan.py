"""What is to be sent, within bounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.invented import ACCOUNTS
from simulator.kinds import kinds_of

MAX_EVENTS = 100_000
MAX_BATCH = 1000  # Meta aggregates at most so many updates in one request
MAX_PEOPLE = 100_000

Forgery = Literal["wrong-secret", "changed-byte", "unsigned", "sha1-only"]
FORGERIES: tuple[Forgery, ...] = ("wrong-secret", "changed-byte", "unsigned", "sha1-only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be sent; ValueError with a sentence when it is out of bounds.

    count: events, 1..100,000; batch: events in one body, 1..1000; people: customers who take turns.
    duplicates: share of the bodies that are delivered twice, 0..1.
    shuffle: events and second deliveries come in disorder, within some batches of their place.
    forge: every body is forged in this way and must be refused.
    account, person, text: used instead of invented ones where given.
    """

    provider: str = "instagram"
    account: str = ""
    kinds: Sequence[str] = ("message",)
    count: int = 1
    batch: int = 1
    people: int = 1
    duplicates: float = 0.0
    shuffle: bool = False
    forge: Forgery | None = None
    person: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.provider not in ACCOUNTS:
            raise ValueError(f"No provider of this name; there are {', '.join(ACCOUNTS)}.")
        if not self.kinds or set(self.kinds) - set(kinds_of(self.provider)):
            raise ValueError(f"Kinds of {self.provider}: {', '.join(kinds_of(self.provider))}.")
        for name, value, most in (
            ("count", self.count, MAX_EVENTS),
            ("batch", self.batch, MAX_BATCH),
            ("people", self.people, MAX_PEOPLE),
        ):
            if not 1 <= value <= most:
                raise ValueError(f"{name} must lie between 1 and {most}.")
        if not 0 <= self.duplicates <= 1:
            raise ValueError("duplicates is a share between 0 and 1.")
        if self.forge is not None and self.forge not in FORGERIES:
            raise ValueError(f"Ways to forge: {', '.join(FORGERIES)}.")

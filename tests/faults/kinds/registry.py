"""What a kind of fault is, and the list that each file puts its own into."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

KINDS = {}


@dataclass(frozen=True, slots=True)
class Kind:
    """act: injects it and heals it before it returns. targets: what it needs for itself, one of them.

    weight: how often it is drawn among others; 0 where only who names it gets it.
    """

    name: str
    weight: float
    targets: tuple[str, ...]
    act: Callable


@dataclass(slots=True)
class Scene:
    """What one fault is given: where, with which chance, and until when it has to be healed at the latest."""

    house: object
    rng: Random
    target: str
    stopping: threading.Event
    notes: list = field(default_factory=list)
    came_to_nothing: bool = False

    def lasts(self, least, most, *, then=lambda: None):
        """Waits as long as this fault lasts, or until all are healed; `then` heals it."""
        try:
            self.stopping.wait(self.rng.uniform(least, most))
        finally:
            then()

    def note(self, *words):
        """What the line of this fault says besides its kind."""
        self.notes += map(str, words)

    def nothing(self, why):
        """There was nothing to break: this counts as no fault."""
        self.came_to_nothing = True
        self.note(f"({why})")


def fault(name, *, weight, targets):
    """Registers a function of a scene as a kind of fault."""

    def register(act):
        assert name not in KINDS, name
        KINDS[name] = Kind(name, weight, (targets,) if isinstance(targets, str) else tuple(targets), act)
        return act

    return register

"""
Whether a run kept what the product promises, once it has come to rest.

    lost        acknowledged and without a row, an end, or what it should have caused
    doubled     two rows, two messages or two replies for one event
    disordered  a customer saw two answers the wrong way round
    stuck       open, or in flight, at rest
    illegal     a step that the table of moves does not have
    fence       an outcome by somebody who had lost the claim; too many attempts
    unasked     rows and replies that no genuine POST accounts for
"""

from collections import Counter
from dataclasses import dataclass, field

from tests.faults import oracle, order, replies, tables, transitions

LISTS = ("lost", "doubled", "disordered", "stuck", "illegal", "fence", "unasked")
SHOWN = 10


@dataclass
class Findings:
    """Sentences by kind of violation. undecided: replies for a person, by provider. exempt: excuses, counted."""

    lost: list = field(default_factory=list)
    doubled: list = field(default_factory=list)
    disordered: list = field(default_factory=list)
    stuck: list = field(default_factory=list)
    illegal: list = field(default_factory=list)
    fence: list = field(default_factory=list)
    unasked: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)
    undecided: dict = field(default_factory=dict)
    exempt: Counter = field(default_factory=Counter)

    @property
    def is_clean(self):
        return not any(getattr(self, name) for name in LISTS)

    def numbers(self):
        """How many of each kind."""
        return {name: len(getattr(self, name)) for name in LISTS}

    def __str__(self):
        lines = []
        for name in LISTS:
            found = getattr(self, name)
            lines += [f"{name}: {len(found)}", *(f"    {each}" for each in found[:SHOWN])]
        return "\n".join(lines)


def check(house, history, *, told=None):
    """What the run of this history left behind in the house. told: the oracle, where it was read already."""
    findings, told = Findings(), told or oracle.read(history)
    seen = replies.taken(house.graph_calls())
    with tables.beside(house.database_url, told, seen) as connection:
        replies.check(connection, told, seen, findings)
        order.check(connection, told, seen, findings)
        transitions.check(connection, findings, max_attempts=int(house.seconds("WEBHOOK_MAX_ATTEMPTS")))
    findings.counts |= {
        "events": len(told.events),
        "accepted": sum(1 for event in told.events.values() if event.acked_at is not None),
        "late": sum(1 for event in told.events.values() if event.is_late),
        "conversations": len(told.talks),
        "posts": len(told.posts),
        "replies": len(seen),
        "faults": len(told.faults),
    }
    return findings

"""The story: what this service does on good days (everyday) and on bad ones (trouble), act by act."""

from collections.abc import Callable

from webhooks_project.demo import everyday, signals, trouble
from webhooks_project.demo.stage import Stage, fate, miscounted, must, people_of
from webhooks_project.demo.words import heading, say, times


def balance(stage: Stage) -> None:
    """Every message that was accepted has its one reply, by the service's books and by Meta's."""
    wrote = people_of(stage.accepted)
    events = stage.events(stage.accepted)
    answered = [event for event in events if fate(event) == "processed, sent"]
    got = stage.meta.taken(list(wrote))
    must(
        len(answered) == len(events) == wrote.total(),
        f"Of {wrote.total()} messages {len(answered)} are answered.",
    )
    faults = miscounted(wrote, got)
    must(not faults, " ".join(faults))
    say(
        f"{times(wrote.total(), 'message')} of {times(len(wrote), 'customer')} accepted with 200, "
        f"{times(sum(got.values()), 'reply')} at Meta's stand-in: each message has exactly one."
    )


ACTS: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("Messages come in and are answered", everyday.messages),
    ("Many messages in one webhook", everyday.batch),
    ("The same webhook twice", everyday.duplicate),
    ("A forged webhook", everyday.forged),
    ("The Graph API fails and heals, and the order of a conversation", trouble.failing_graph),
    ("A reply is refused for good: dead letter and replay", trouble.dead_letter),
    ("The broker's queue is purged", trouble.purged_queue),
    ("Echoes, and a person's own answer", everyday.echoes),
    ("The balance", balance),
)


def tell(stage: Stage) -> None:
    """Tells all acts; NotSeen where one does not come true."""
    for number, (title, act) in enumerate(ACTS, start=1):
        signals.check()
        heading(f" {number}. {title}")
        act(stage)

"""What every act of the story uses: send, wait until it came true, say what did not."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from webhooks_project.demo.errors import NotSeen
from webhooks_project.demo.meta import Delivery, Meta
from webhooks_project.demo.processes import Children
from webhooks_project.demo.product import Event, Product, of_deliveries
from webhooks_project.demo.waiting import waited_for
from webhooks_project.demo.words import times

PATIENCE_S = 60.0  # for what takes a second or ten on a machine that has nothing else to do
OPEN = ("received", "processing", "retrying")
Seen = TypeVar("Seen")


class Stage:
    """The running service and the stand-in, and what was accepted from whom so far."""

    def __init__(self, product: Product, meta: Meta, children: Children) -> None:
        self.product, self.meta, self.children = product, meta, children
        self.began = product.now()
        self.accepted: list[Delivery] = []

    def send(self, *options: str) -> list[Delivery]:
        """Send webhooks with messages, all of which must be taken: they are answered 200."""
        deliveries = self.meta.send(*options)
        must(bool(deliveries), "Meta's stand-in sent nothing.", process="simulator")
        others = Counter(delivery.status for delivery in deliveries if delivery.status != 200)
        must(not others, f"Webhooks were not answered 200 but {in_words(others)}.", process="web")
        self.accepted += [delivery for delivery in deliveries if delivery.what == "new"]
        return deliveries

    def events(self, deliveries: Iterable[Delivery]) -> list[Event]:
        """The events that came with these webhooks, in the order in which they were sent."""
        return of_deliveries(self.product.events(since=self.began), deliveries)

    def wait(self, look: Callable[[], Seen | None], otherwise: str, *, within_s: float = PATIENCE_S) -> Seen:
        """What `look` sees, or NotSeen with the sentence `otherwise`; ends too when a process does."""

        def watched() -> Seen | None:
            self.children.must_live()
            return look()

        seen = waited_for(watched, within_s=within_s)
        if seen is None:
            raise NotSeen(f"{otherwise} within {within_s:g} s.")
        return seen

    def answered(self, deliveries: Sequence[Delivery]) -> list[Event]:
        """The events of these webhooks, all processed and answered, each message once."""
        sent = sum(len(delivery.messages) for delivery in deliveries if delivery.what == "new")

        def done() -> list[Event] | None:
            events = self.events(deliveries)
            return None if any(event["state"] in OPEN for event in events) else events

        events = self.wait(done, f"The worker was not done with {times(sent, 'message')}")
        must(
            len(events) == sent,
            f"{times(sent, 'message')} became {times(len(events), 'event')}.",
            process="web",
        )
        states = Counter(fate(event) for event in events)
        must(set(states) == {"processed, sent"}, f"Not every message was answered: {in_words(states)}.")
        faults = miscounted(people_of(deliveries), self.meta.taken(list(people_of(deliveries))))
        must(not faults, " ".join(faults))
        return events

    def quiet(self) -> int:
        """Waits until every reply so far was echoed and the echo stored; how many there were."""

        def echoed() -> dict[str, int] | None:
            summary = self.meta.summary()
            echoes = summary["echoes"]
            is_done = not echoes["waiting"] and echoes["posted"] + echoes["failed"] >= summary["taken_in_all"]
            return dict(echoes) if is_done else None

        echoes = self.wait(echoed, "Meta's stand-in was not done with its echoes")
        must(not echoes["failed"], f"{times(echoes['failed'], 'echo')} got no 200.", process="web")
        return echoes["posted"]


def must(is_so: bool, otherwise: str, *, process: str = "worker") -> None:
    """NotSeen with the sentence `otherwise` unless it is so."""
    if not is_so:
        raise NotSeen(otherwise, process=process)


def fate(event: Event) -> str:
    """State of an event and of its reply: `processed, sent`."""
    reply = event["reply"]
    return f"{event['state']}, {reply['state'] if reply else 'no reply'}"


def people_of(deliveries: Iterable[Delivery]) -> Counter[str]:
    """How many messages each person wrote, second deliveries left out."""
    return Counter(message.person for delivery in deliveries if delivery.what == "new" for message in delivery.messages)


def miscounted(wrote: Mapping[str, int], got: Mapping[str, int]) -> list[str]:
    """A sentence for each person who did not get exactly as many replies as he wrote messages."""
    return [
        f"One customer wrote {times(count, 'message')} and got {times(got.get(person, 0), 'reply')}."
        for person, count in wrote.items()
        if got.get(person, 0) != count
    ]


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def reply_s(event: Event) -> float:
    """How long after its arrival an event was answered."""
    return seconds_between(event["received_at"], event["reply"]["sent_at"])


def in_words(counts: Mapping[Any, int]) -> str:
    """`200 (3 times), 403 (once)`."""
    return ", ".join(f"{what} ({count} times)" if count > 1 else f"{what} (once)" for what, count in counts.items())

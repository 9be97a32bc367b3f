"""Acts of a good day: messages, batches, second deliveries, forgeries, echoes."""

from collections import Counter

from webhooks_project.demo.meta import Delivery, new_person
from webhooks_project.demo.product import Event
from webhooks_project.demo.stage import Stage, in_words, must, reply_s
from webhooks_project.demo.words import duration, say, times

FORGERIES = {
    "wrong-secret": "signed with another secret",
    "changed-byte": "one byte changed after signing",
    "unsigned": "not signed at all",
}


def messages(stage: Stage) -> None:
    """Three customers write; each gets an answer."""
    deliveries = stage.send("--count", "3", "--people", "3")
    slowest_s = max(delivery.seconds for delivery in deliveries)
    say(f"3 signed webhooks sent: answered {_statuses(deliveries)}, after {duration(slowest_s)} at most.")
    events = stage.answered(deliveries)
    say(f"{times(len(events), 'event')} processed, each customer got one reply, {_last(events)}.")


def batch(stage: Stage) -> None:
    """One webhook holds many messages, which are worked off on their own."""
    (delivery,) = stage.send("--count", "25", "--batch", "25", "--people", "5")
    say(f"1 webhook with 25 messages of 5 customers: {delivery.status} after {duration(delivery.seconds)}.")
    events = stage.answered([delivery])
    say(f"{times(len(events), 'event')} stored by it, all processed, 25 replies, {_last(events)}.")


def duplicate(stage: Stage) -> None:
    """A second delivery is accepted and changes nothing."""
    deliveries = stage.send("--duplicates", "1")
    must(
        [each.what for each in deliveries] == ["new", "again"],
        "The webhook was not sent twice.",
        process="simulator",
    )
    events = stage.answered(deliveries)
    say(
        f"Delivered twice: answered {_statuses(deliveries)}; {times(len(events), 'event')} stored, 1 reply "
        "sent. The second delivery was known by its key and ignored."
    )


def forged(stage: Stage) -> None:
    """What is not signed with the app secret is refused, and leaves no row."""
    stage.quiet()
    before = stage.product.stored()
    tried = {words: stage.meta.send("--forge", way)[0] for way, words in FORGERIES.items()}
    after = stage.product.stored()
    for words, delivery in tried.items():
        must(
            delivery.status == 403,
            f"A webhook {words} was answered {delivery.status}, not 403.",
            process="web",
        )
        say(f"A webhook {words}: refused, {delivery.status}.")
    must(before == after, f"The table of events had {before} rows before and {after} after.", process="web")
    say(f"The table of events: {before} rows before, {after} after.")


def echoes(stage: Stage) -> None:
    """What the account itself said, by our hand or a person's, is stored and never answered."""
    person = new_person()
    deliveries = stage.meta.send("--kinds", "echo", "--person", person)
    must(_statuses(deliveries) == "200", "The echo was not taken.", process="web")
    posted = stage.quiet()

    def settled() -> list[Event] | None:
        known = [event for event in stage.product.events(since=stage.began) if event["kind"] == "echo"]
        return known if all(event["state"] == "processed" for event in known) else None

    known = stage.wait(settled, "The worker was not done with the echoes")
    must(len(known) == posted + 1, f"{posted + 1} echoes were sent and {len(known)} stored.", process="web")
    replied = sum(event["reply"] is not None for event in known)
    must(not replied and not stage.meta.calls(person), f"{times(replied, 'echo')} got an answer.")
    say(
        f"Meta tells every sent message back. {times(posted, 'echo')} of this service's replies and 1 "
        f"message that a person at the business wrote: {len(known)} stored and processed, none answered."
    )


def _statuses(deliveries: list[Delivery]) -> str:
    """`200` where all were answered so, else each with its count."""
    counts = Counter(delivery.status for delivery in deliveries)
    return str(next(iter(counts))) if len(counts) == 1 else in_words(counts)


def _last(events: list[Event]) -> str:
    return f"the last {duration(max(map(reply_s, events)))} after its message came in"

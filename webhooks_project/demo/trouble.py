"""Acts of a bad day: the Graph API fails, a reply is refused for good, the broker forgets everything."""

import time
from typing import Any

from webhooks_project.demo.meta import Delivery, new_person
from webhooks_project.demo.product import Event
from webhooks_project.demo.stage import Stage, must, seconds_between
from webhooks_project.demo.words import duration, say, times

WAITING = 6
LEFT = 5


def failing_graph(stage: Stage) -> None:
    """A reply that fails twice is tried again; what the customer wrote next waits for its turn."""
    person = new_person()
    stage.meta.answer(person, "http:500:2*2")
    deliveries = stage.send("--person", person, "--count", "3")
    say("One customer writes 3 messages; the Graph API answers 500 to the first two tries of a reply.")
    first, waiting = _first_and_waiting(stage, deliveries)
    say(f"Message 1 is {first['state']}, {times(len(waiting), 'message')} of this conversation behind it.")
    events = stage.answered(deliveries)
    calls = stage.meta.calls(person)
    sends = [call for call in calls if call["edge"] == "messages"]
    must(
        [call["status"] for call in sends] == [500, 500, 200, 200, 200],
        "The Graph API saw other calls than it should.",
    )
    tried = ", ".join(f"{seconds_between(sends[0]['at'], call['at']):.1f} s: {call['status']}" for call in sends[:3])
    say(
        f"Message 1 was tried {events[0]['attempts']} times ({tried}); before a new try the "
        "service looked into the conversation whether the reply had left after all "
        f"({times(len(calls) - len(sends), 'look-up')})."
    )
    _in_order(events)


def left_to_replay(stage: Stage) -> None:
    """Dead letters of one cause for whoever tries the admin; Meta takes the replies from then on."""
    people = [new_person() for _ in range(LEFT)]
    for person in people:
        stage.meta.answer(person, "http:400:10")
    deliveries = [delivery for person in people for delivery in stage.send("--person", person)]

    def died() -> list[Event] | None:
        events = stage.events(deliveries)
        return events if len(events) == LEFT and all(event["state"] == "dead" for event in events) else None

    stage.wait(died, "The refused messages did not become dead letters")
    say(f"{LEFT} replies were refused for want of a permission (10), which is there again now. The admin has them as "
        "one cause: replay them there.")  # fmt: skip


def _first_and_waiting(stage: Stage, deliveries: list[Delivery]) -> tuple[Event, list[Event]]:
    def held_up() -> tuple[Event, list[Event]] | None:
        first, *others = stage.events(deliveries)
        is_so = first["state"] == "retrying" and all(each["waits_for"] == first["event_id"] for each in others)
        return (first, others) if is_so and others else None

    return stage.wait(held_up, "The first message was not seen in retry with the others behind it")


def _in_order(events: list[Event]) -> None:
    sent = [event["reply"]["sent_at"] for event in events]
    must(sent == sorted(sent), "The replies did not leave in the order of the messages.")
    after = ", ".join(f"{seconds_between(sent[0], at):.2f} s" for at in sent[1:])
    say(f"The replies left in the order of the messages: 1, then 2 and 3 (after {after}).")


def dead_letter(stage: Stage) -> None:
    """What Meta refuses for good dies at once, and a person's replay brings it to its end."""
    person = new_person()
    stage.meta.answer(person, "http:400:100")
    deliveries = stage.send("--person", person)

    def died() -> Event | None:
        events = stage.events(deliveries)
        return events[0] if events and events[0]["state"] == "dead" else None

    event = stage.wait(died, "The refused message did not become a dead letter")
    letter = stage.product.dead_letter(event["dead_letters"][0])
    say(
        f"The Graph API refuses the reply with code {letter['graph_code']}: no second try, dead letter "
        f"{letter['id'][:8]} ({letter['code']}, attempts: {letter['attempts']})."
    )
    status = stage.product.replay(letter["id"], reason="demo: the cause is mended")
    must(status == 202, f"The API answers {status} to the replay, not 202.", process="web")
    stage.answered(deliveries)
    letter = stage.product.dead_letter(letter["id"])
    must(letter["status"] == "replayed", f"The dead letter is {letter['status']}, not replayed.")
    say(f"Replayed through the API ({status}): processed, 1 reply; the dead letter is {letter['status']}.")


def purged_queue(stage: Stage) -> None:
    """The queue holds wake-ups only: emptied by force, it costs seconds and no message."""
    stage.quiet()  # or the wake-ups of echoes would be among those that are counted
    worker = stage.children["worker"]
    worker.stop()
    deliveries = stage.send("--count", str(WAITING), "--people", str(WAITING))
    queued = stage.wait(_at_least(stage, WAITING), "The wake-ups did not reach the queue")
    say(f"The worker is stopped. {WAITING} messages: {_statuses_are_200(deliveries)}. In the queue: {queued}.")
    purged = stage.product.purge()
    left = stage.product.queued()
    must(left == 0, f"After the purge {left} wake-ups are still in the queue.")
    say(f'celery purge: "{purged}" In the queue: {left}. In the database: {_open(stage, deliveries)}.')
    began = time.monotonic()
    worker.start()
    events = stage.answered(deliveries)
    say(
        f"The worker starts again and finds them in the database: all {len(events)} answered, "
        f"{duration(time.monotonic() - began)} after its start. Nothing is lost, nothing sent twice."
    )


def _at_least(stage: Stage, count: int) -> Any:
    def queued() -> int | None:
        waiting = stage.product.queued()
        return waiting if waiting >= count else None

    return queued


def _statuses_are_200(deliveries: list[Delivery]) -> str:
    return f"{sum(delivery.status == 200 for delivery in deliveries)} times 200"


def _open(stage: Stage, deliveries: list[Delivery]) -> str:
    waiting = [event for event in stage.events(deliveries) if event["state"] == "received"]
    return times(len(waiting), "event") + " not yet processed"

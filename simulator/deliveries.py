"""What is sent, in which order: a plan and a seed give the same deliveries every time."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from simulator import bodies
from simulator.bodies import Json
from simulator.invented import ACCOUNTS, Cast
from simulator.kinds import ABOUT_ANOTHER, SAID_BY_CUSTOMER, Moment, body_of
from simulator.meta_wire import SIGNATURE_HEADER, changed_byte, headers, wire
from simulator.plan import Forgery, Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happens: a body of its own, and Meta's id by which it can be found again."""

    kind: str
    id: str
    person: str
    body: Json = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request to be sent. what: `new`, `again` (a second delivery) or `forged`."""

    what: str
    events: tuple[Event, ...]
    body: Json = field(repr=False)
    raw: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def deliveries(plan: Plan, secret: str, *, cast: Cast) -> Iterator[Delivery]:
    """The requests of the plan, made one after the other while they are taken."""
    to_come = events(plan, cast=cast)
    # Disorder stays near its place, so that memory is bounded and a long run does not begin with its end.
    window = max(plan.batch * 8, 64) if plan.shuffle else plan.batch
    while some := list(itertools.islice(to_come, window)):
        if plan.shuffle:
            cast.order.shuffle(some)
        made = list(_grouped(some, plan, secret, cast=cast))
        if plan.shuffle:
            cast.order.shuffle(made)
        yield from made


def events(plan: Plan, *, cast: Cast) -> Iterator[Event]:
    """The events of the plan in the order in which they happen; the customers take turns."""
    people = [plan.person or cast.person(plan.provider) for _ in range(1 if plan.person else plan.people)]
    last_said: dict[str, str] = {}
    for number in range(plan.count):
        person = people[number % len(people)]
        # One further at each round, so that every customer comes to every kind.
        kind = plan.kinds[(number % len(people) + number // len(people)) % len(plan.kinds)]
        id_ = cast.comment_id() if kind == "comment" else cast.mid(plan.provider)
        moment = Moment(
            person=person,
            account=plan.account or ACCOUNTS[plan.provider],
            id=id_,
            of=last_said.get(person, id_),
            text=plan.text or cast.text(),
            at_ms=cast.stamp_ms(),
        )
        found_by = moment.of if kind in ABOUT_ANOTHER else id_
        body = body_of(kind, moment, provider=plan.provider)
        yield Event(kind=kind, id=found_by, person=person, body=body)
        if kind in SAID_BY_CUSTOMER:
            last_said[person] = id_


def _grouped(some: Sequence[Event], plan: Plan, secret: str, *, cast: Cast) -> Iterator[Delivery]:
    for batch in (some[at : at + plan.batch] for at in range(0, len(some), plan.batch)):
        body = bodies.merged(event.body for event in batch)
        yield _delivery("new", batch, body, secret=secret, forge=plan.forge)
        if cast.order.random() < plan.duplicates:
            again = bodies.sent_again(body, cast.stamp_ms())
            yield _delivery("again", batch, again, secret=secret, forge=plan.forge)


def _delivery(what: str, batch: Sequence[Event], body: Json, *, secret: str, forge: Forgery | None) -> Delivery:
    raw = wire(body)
    named = headers(raw, f"not {secret}" if forge == "wrong-secret" else secret)
    if forge == "changed-byte":
        raw = changed_byte(raw)
    if forge in ("unsigned", "sha1-only"):
        del named[SIGNATURE_HEADER]
    if forge == "unsigned":
        del named["X-Hub-Signature"]
    return Delivery(what="forged" if forge else what, events=tuple(batch), body=body, raw=raw, headers=named)

"""The kinds of events that can be sent, and how one of each is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator import bodies
from simulator.bodies import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What one event is made from. of: the customer's last message, which a reaction is about."""

    person: str
    account: str
    id: str
    of: str
    text: str
    at_ms: int

    def message(self, text: str, **more: object) -> Json:
        return bodies.message(text, sender=self.person, account=self.account, mid=self.id, at_ms=self.at_ms, **more)

    def attachment(self) -> Json:
        return self.message("", attachments=[bodies.attachment("image", id=str(self.at_ms))])

    def quick_reply(self) -> Json:
        return self.message(self.text, quick_reply=bodies.quick_reply("TRACK_PARCEL"))

    def reply(self) -> Json:
        return self.message(self.text, reply_to=bodies.reply_to(self.of))

    def echo(self) -> Json:
        return bodies.echo(self.text, recipient=self.person, account=self.account, mid=self.id, at_ms=self.at_ms)

    def postback(self) -> Json:
        return bodies.postback(
            "Opening hours",
            "HOURS",
            sender=self.person,
            account=self.account,
            mid=self.id,
            at_ms=self.at_ms,
        )

    def reaction(self) -> Json:
        return bodies.reaction(self.of, sender=self.person, account=self.account, at_ms=self.at_ms)

    def read(self) -> Json:
        return bodies.read(self.of, sender=self.person, account=self.account, at_ms=self.at_ms)

    def deletion(self) -> Json:
        return bodies.deletion(self.of, sender=self.person, account=self.account, at_ms=self.at_ms)

    def edit(self) -> Json:
        return bodies.edit(self.of, self.text, sender=self.person, account=self.account, at_ms=self.at_ms)


ITEMS: Mapping[str, Callable[[Moment], Json]] = {
    "message": lambda moment: moment.message(moment.text),
    "attachment": Moment.attachment,
    "quick_reply": Moment.quick_reply,
    "reply": Moment.reply,
    "echo": Moment.echo,
    "postback": Moment.postback,
    "reaction": Moment.reaction,
    "read": Moment.read,
    "deletion": Moment.deletion,
    "edit": Moment.edit,
}
ABOUT_ANOTHER = frozenset({"reaction", "read", "deletion", "edit"})  # they bear the id of that message
SAID_BY_CUSTOMER = frozenset({"message", "attachment", "quick_reply", "reply"})


def kinds_of(provider: str) -> tuple[str, ...]:
    """What can be sent as this provider."""
    if provider == "instagram":
        return (*ITEMS, "comment")
    return tuple(ITEMS) if provider == "facebook" else ("message",)


def body_of(kind: str, moment: Moment, *, provider: str) -> Json:
    """A body with this one event."""
    customer = {"sender": moment.person, "account": moment.account}
    if provider == "whatsapp":
        return bodies.whatsapp_body(moment.text, **customer, mid=moment.id, at_ms=moment.at_ms)
    if kind == "comment":
        return bodies.comment_body(moment.text, **customer, id=moment.id, at_ms=moment.at_ms)
    return bodies.messaging_body([ITEMS[kind](moment)], account=moment.account, at_ms=moment.at_ms, provider=provider)

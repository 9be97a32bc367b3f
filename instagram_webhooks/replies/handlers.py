"""One handler a kind: what an event asks for. Data in, data out; nothing is written or called here."""

from collections.abc import Callable
from dataclasses import dataclass

from instagram_webhooks.events import Content
from instagram_webhooks.inbox.claim import Claim
from instagram_webhooks.models import Message
from instagram_webhooks.replies import echoes, statuses, thread

Effect = Callable[[Claim, Content], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do for one event.

    ignored: the reason why there is nothing to do, or "".
    effect: what to write, inside the transaction of the event's end or of the reply's start.
    may_reply: whether the reply policy is asked.
    """

    ignored: str = ""
    effect: Effect | None = None
    may_reply: bool = False


def decide(kind: str, content: Content) -> Decision:
    """What an event of this kind asks for; a kind without a handler is ignored, and stays to be seen."""
    handler = HANDLERS.get(kind)
    if handler is None:
        return Decision(ignored="no_handler")
    if content.partner is None:
        return Decision(ignored="no_partner")
    return handler(content)


def _message(content: Content) -> Decision:
    if content.target_id is not None:  # WhatsApp sends a reaction as a message
        return Decision(effect=_in_conversation(thread.react))
    return Decision(effect=_store_message, may_reply=not (content.is_own or content.is_standby))


def _store_message(claim: Claim, content: Content) -> None:
    thread.open_conversation(claim, content.partner or "", message_at=claim.happened_at or claim.received_at)
    thread.add(claim, content, Message.Author.PERSON if content.is_own else Message.Author.CUSTOMER)


def _echo(content: Content) -> Decision:
    return Decision(effect=echoes.settle)


def _status(content: Content) -> Decision:
    return Decision(effect=statuses.settle)


def _edit(content: Content) -> Decision:
    # Number 0 announces a new message and edits nothing; the message comes by itself.
    return Decision(effect=_in_conversation(thread.edit)) if content.edit_number else Decision(ignored="empty")


def _in_conversation(effect: Effect) -> Effect:
    def apply(claim: Claim, content: Content) -> None:
        thread.open_conversation(claim, content.partner or "")
        effect(claim, content)

    return apply


def _reaction(content: Content) -> Decision:
    return Decision(effect=thread.react)


def _deletion(content: Content) -> Decision:
    return Decision(effect=_in_conversation(thread.delete))


def _read(content: Content) -> Decision:
    return Decision(effect=lambda claim, _: thread.mark_read(claim))


HANDLERS: dict[str, Callable[[Content], Decision]] = {
    "message": _message,
    "postback": _message,
    "echo": _echo,
    "message_edit": _edit,
    "message_deleted": _deletion,
    "reaction": _reaction,
    "read": _read,
    "status": _status,
}

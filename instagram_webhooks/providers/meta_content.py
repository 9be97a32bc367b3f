"""What an element of `messaging[]` or `standby[]` says, by its body."""

from dataclasses import replace

from instagram_webhooks.events import Attachment, Content
from instagram_webhooks.providers.values import Json, as_id, inner, inner_objects, said, whole_number


def message(body: Json, content: Content) -> Content:
    return replace(
        content,
        text=said(body, "text"),
        attachments=tuple(_attachment(one) for one in inner_objects(body, "attachments")),
        quick_reply=said(inner(body, "quick_reply"), "payload") or None,
        reply_to=said(inner(body, "reply_to"), "mid") or None,
        # Messenger gives back in its echo what the sender attached, up to 1000 characters; Instagram does not.
        metadata=said(body, "metadata"),
    )


def _attachment(attachment: Json) -> Attachment:
    """Type and url; some types (ephemeral, like_heart) have no payload, templates no url."""
    return Attachment(type=said(attachment, "type"), url=said(inner(attachment, "payload"), "url"))


def edit(body: Json, content: Content) -> Content:
    number = whole_number(body.get("num_edit"))
    return replace(content, text=said(body, "text"), edit_number=number, target_id=as_id(body.get("mid")))


def reaction(body: Json, content: Content) -> Content:
    """With the emoji, else its name (love, like, …); None where a reaction was taken back."""
    shown = said(body, "emoji") or said(body, "reaction") or None
    taken_back = body.get("action") == "unreact"
    return replace(content, reaction=None if taken_back else shown, target_id=as_id(body.get("mid")))


def target(body: Json, content: Content) -> Content:
    """With the message that was read or deleted; a watermark names none."""
    return replace(content, target_id=as_id(body.get("mid")))


def postback(body: Json, content: Content) -> Content:
    """With the button's title as text, and what it carries as quick reply."""
    return replace(content, text=said(body, "title"), quick_reply=said(body, "payload") or None)

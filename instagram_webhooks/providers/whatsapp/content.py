"""What a WhatsApp message or state says."""

from dataclasses import replace

from instagram_webhooks.events import Attachment, Content
from instagram_webhooks.providers.values import Json, as_id, inner, inner_objects, said

_SENT_ALONG = frozenset({"image", "video", "audio", "document", "sticker", "location", "contacts"})


def message(body: Json, content: Content) -> Content:
    """By the message's type, which names the member that holds the rest."""
    kind = said(body, "type")
    part = inner(body, kind)
    if kind == "edit":
        edited = message(inner(part, "message"), content)
        return replace(edited, target_id=as_id(part.get("original_message_id")))
    if kind == "revoke":
        return replace(content, target_id=as_id(part.get("original_message_id")))
    if kind == "reaction":
        return replace(content, reaction=said(part, "emoji") or None, target_id=as_id(part.get("message_id")))
    reply_to = said(inner(body, "context"), "id") or None
    text, payload = _words(kind, part)
    # Media are fetched by id; there is no url.
    attachments = (Attachment(type=kind),) if kind in _SENT_ALONG else ()
    return replace(content, text=text, quick_reply=payload, reply_to=reply_to, attachments=attachments)


def _words(kind: str, part: Json) -> tuple[str, str | None]:
    """Text and payload: of a text, a template's button, a reply button or list row, or a caption."""
    if kind == "text":
        return said(part, "body"), None
    if kind == "button":
        return said(part, "text"), said(part, "payload") or None
    if kind == "interactive":
        chosen = inner(part, "button_reply") or inner(part, "list_reply")
        return said(chosen, "title"), said(chosen, "id") or None
    return said(part, "caption"), None


def status(body: Json, content: Content) -> Content:
    """With the state of our own message; what its sender attached (up to 512 characters) comes back with each."""
    codes = [each.get("code") for each in inner_objects(body, "errors")]
    return replace(
        content,
        target_id=as_id(body.get("id")),
        delivery=said(body, "status"),
        metadata=said(body, "biz_opaque_callback_data"),
        error_code=next((code for code in codes if type(code) is int and abs(code) < 2**31), None),
    )

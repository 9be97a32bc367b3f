"""`POST /<version>/<account>/messages`: a message to a person, as Instagram, Messenger, WhatsApp take it."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.exchange import Reply, Request, Said, refusal
from simulator.script import Step
from simulator.world import World

METADATA, WHATSAPP_METADATA = 1000, 512  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a call wants to be sent. recipient: as the call names it, a person or a comment.

    metadata: what the sender attached for itself.
    """

    recipient: str
    text: str = field(repr=False)
    is_comment: bool = False
    is_whatsapp: bool = False
    metadata: str = field(default="", repr=False)


def send(world: World, request: Request, account: str) -> Reply:
    """Take the message, or answer what the script says."""
    body = request.body if isinstance(request.body, dict) else {}
    action = _action(body)
    if action is not None:
        world.note(request, action, edge="sender_action", account=account, recipient=_named(body)[0])
        return action
    wanted = _wanted(body)
    if isinstance(wanted, Reply):
        world.note(request, wanted, edge="messages", account=account, recipient=_named(body)[0], answer="refused")
        return wanted
    with world.lock:
        return _answered(world, request, wanted, account=account)


def _answered(world: World, request: Request, wanted: Wanted, *, account: str) -> Reply:
    reply, answer, mid = _refused(world, wanted, account), "refused", ""
    if reply is None:
        step = world.scripts.next(wanted.recipient)
        if step.is_taking and wanted.is_comment and not world.listing.answer_comment(wanted.recipient):
            reply = refusal(100, 2534025, why="(#100) This comment has its private reply already")
        else:
            reply, mid = _stepped(world, step, wanted, account=account)
            answer = str(step)
    world.note(
        request,
        reply,
        edge="messages",
        account=account,
        recipient=wanted.recipient,
        text=wanted.text,
        answer=answer,
        mid=mid,
    )
    return reply


def _stepped(world: World, step: Step, wanted: Wanted, *, account: str) -> tuple[Reply, str]:
    """The answer of this step, and the id of the message if it was taken, else ""."""
    said = _said(world, wanted, account)
    reply = step.reply(account, Reply(body=_success(wanted, said)))
    if not step.is_taking:
        return reply, ""
    world.listing.add(said)
    return replace(reply, echo=said), said.mid


def _refused(world: World, wanted: Wanted, account: str) -> Reply | None:
    """Meta's own reasons to refuse, before any script."""
    settings = world.settings
    if not world.sends.allows(account, per_s=int(settings.sends_per_s), now_s=world.clock()):
        return refusal(613)
    limit = int(settings.text_limit_bytes)
    if limit and not wanted.is_whatsapp and len(wanted.text.encode()) > limit:
        return refusal(100, 2534015, why="(#100) The text of the message is too long")
    return None


def _said(world: World, wanted: Wanted, account: str) -> Said:
    person = world.listing.commenter(wanted.recipient) if wanted.is_comment else wanted.recipient
    return Said(
        account=account,
        person=person,
        mid=world.cast.mid("whatsapp" if wanted.is_whatsapp else "instagram"),
        text=wanted.text,
        by_account=True,
        at_s=world.clock(),
        is_whatsapp=wanted.is_whatsapp,
        metadata=wanted.metadata,
    )


def _success(wanted: Wanted, said: Said) -> dict[str, object]:
    if wanted.is_whatsapp:
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": wanted.recipient, "wa_id": wanted.recipient.lstrip("+")}],
            "messages": [{"id": said.mid}],
        }
    return {"recipient_id": said.person, "message_id": said.mid}


def _action(body: dict[str, Any]) -> Reply | None:
    """The answer to what is no message: typing, seen, a reaction, WhatsApp's read mark."""
    if "sender_action" in body and "message" not in body:
        return Reply(body={"recipient_id": _named(body)[0]})
    is_read_mark = body.get("messaging_product") == "whatsapp" and body.get("status") == "read"
    return Reply(body={"success": True}) if is_read_mark else None


def _wanted(body: dict[str, Any]) -> Wanted | Reply:
    recipient, is_comment = _named(body)
    if not recipient:
        return refusal(100, why="(#100) The parameter recipient is required")
    is_whatsapp = body.get("messaging_product") == "whatsapp"
    content = body.get(str(body.get("type"))) if is_whatsapp else body.get("message")
    if not isinstance(content, dict) or not content:
        return refusal(100, 2534015, why="(#100) The parameter message is required")
    text = content.get("body" if is_whatsapp else "text")
    # A picture, a template: what was sent stands in the record all the same.
    shown = text if isinstance(text, str) and text else json.dumps(content, ensure_ascii=False)
    metadata = body.get("biz_opaque_callback_data") if is_whatsapp else content.get("metadata")
    limit = WHATSAPP_METADATA if is_whatsapp else METADATA
    if metadata is not None and (not isinstance(metadata, str) or len(metadata) > limit):
        return refusal(100, why=f"(#100) What is attached must be a string of at most {limit} characters")
    return Wanted(
        recipient=recipient, text=shown, is_comment=is_comment, is_whatsapp=is_whatsapp, metadata=metadata or ""
    )


def _named(body: dict[str, Any]) -> tuple[str, bool]:
    """Who the call is for, and True when that is a comment."""
    if body.get("messaging_product") == "whatsapp":
        return str(body.get("to") or ""), False
    to = body.get("recipient")
    if not isinstance(to, dict):
        return "", False
    return (str(to["id"]), False) if to.get("id") else (str(to.get("comment_id") or ""), True)

"""
The shapes of Meta's webhooks: items that say what happened, and the bodies around them.

An item (`message`, `echo`, `postback`, …) goes into `messaging_body`; a comment and a WhatsApp message are
`changes` and make a body of their own. Nothing here is random: ids and times are the caller's.
"""

import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from simulator.invented import ACCOUNTS, PHONE_NUMBER, PHONE_NUMBER_ID
from simulator.meta_wire import OBJECTS

Json = dict[str, Any]
ATTACHMENT_URL = "https://lookaside.fbsbx.example/ig_messaging_cdn/?asset_id={id}&signature=invented%2F{id}"


def item(sender: str, recipient: str, at_ms: int, **what: object) -> Json:
    """One thing that happened; `what` is the one key that says which."""
    return {"sender": {"id": sender}, "recipient": {"id": recipient}, "timestamp": at_ms, **what}


# --- what a customer does ------------------------------------------------------------------------


def message(text: str, *, sender: str, account: str, mid: str, at_ms: int, **more: object) -> Json:
    """A customer's message; `more` may be attachments, quick_reply, reply_to, made by the functions below."""
    content: Json = {"mid": mid, **({"text": text} if text else {}), **more}
    return item(sender, account, at_ms, message=content)


def attachment(type_: str = "image", *, id: str = "1") -> Json:
    """An attachment with an expiring address; `like_heart` and `ephemeral` come without one."""
    if type_ in ("like_heart", "ephemeral"):
        return {"type": type_}
    return {"type": type_, "payload": {"url": ATTACHMENT_URL.format(id=id)}}


def quick_reply(payload: str) -> Json:
    return {"payload": payload}


def reply_to(mid: str) -> Json:
    return {"mid": mid}


def postback(title: str, payload: str, *, sender: str, account: str, mid: str, at_ms: int) -> Json:
    """A tap on a button or an icebreaker."""
    return item(sender, account, at_ms, postback={"mid": mid, "title": title, "payload": payload})


def reaction(of: str, *, sender: str, account: str, at_ms: int, emoji: str | None = "❤️") -> Json:
    """A reaction to the message `of`; without an emoji it is taken back."""
    react = {"action": "react", "reaction": "love" if emoji == "❤️" else "other", "emoji": emoji}
    return item(sender, account, at_ms, reaction={"mid": of, **(react if emoji else {"action": "unreact"})})


def read(of: str, *, sender: str, account: str, at_ms: int) -> Json:
    return item(sender, account, at_ms, read={"mid": of})


def deletion(of: str, *, sender: str, account: str, at_ms: int) -> Json:
    """The customer took the message `of` back; it bears the same id."""
    return item(sender, account, at_ms, message={"mid": of, "is_deleted": True})


def edit(of: str, text: str, *, sender: str, account: str, at_ms: int, number: int = 1) -> Json:
    """The customer changed the message `of`; `number` counts the edits of it from 1."""
    return item(sender, account, at_ms, message_edit={"mid": of, "text": text, "num_edit": number})


# --- what the account itself did -----------------------------------------------------------------


def echo(text: str, *, recipient: str, account: str, mid: str, at_ms: int, metadata: str = "") -> Json:
    """What Meta tells the account of a message that the account sent, by program or by hand.

    metadata: what the sender attached; Messenger gives it back, Instagram does not.
    """
    more = {"metadata": metadata} if metadata else {}
    return item(account, recipient, at_ms, message={"mid": mid, "text": text, "is_echo": True, **more})


# --- bodies --------------------------------------------------------------------------------------


def messaging_body(items: Iterable[Json], *, account: str, at_ms: int, provider: str = "instagram") -> Json:
    """A body of one entry; `at_ms` is when Meta sent it, which may differ between two deliveries."""
    entry = {"time": at_ms, "id": account, "messaging": list(items)}
    return {"object": OBJECTS[provider], "entry": [entry]}


def comment_body(
    text: str, *, sender: str, account: str, id: str, at_ms: int, username: str = "invented.person"
) -> Json:
    """A comment under a post; its entry counts in seconds, unlike that of messages."""
    value = {
        "from": {"id": sender, "username": username},
        "media": {"id": "18000555000111222", "media_product_type": "FEED"},
        "id": id,
        "text": text,
    }
    return _changes_body("comments", value, account=account, at_s=at_ms // 1000, provider="instagram")


def status_body(status: str, *, recipient: str, account: str, mid: str, at_ms: int, metadata: str = "") -> Json:
    """How far WhatsApp brought a message of the account: sent, delivered, read or failed."""
    told: Json = {"id": mid, "status": status, "timestamp": str(at_ms // 1000), "recipient_id": recipient}
    if metadata:
        told["biz_opaque_callback_data"] = metadata
    if status == "failed":
        told["errors"] = [{"code": 131026, "title": "Message undeliverable"}]
    return _whatsapp(account, at_ms, {"statuses": [told]}, number=account)


def whatsapp_body(text: str, *, sender: str, account: str, mid: str, at_ms: int, number: str = "") -> Json:
    """A WhatsApp text; its time is a string of seconds and its sender a phone number.

    number: Meta's id of the number that was written to, where it is not the invented one.
    """
    said = {
        "from": sender,
        "id": mid,
        "timestamp": str(at_ms // 1000),
        "type": "text",
        "text": {"body": text},
    }
    contacts = [{"profile": {"name": "Invented Person"}, "wa_id": sender}]
    return _whatsapp(account, at_ms, {"contacts": contacts, "messages": [said]}, number=number)


def _whatsapp(account: str, at_ms: int, what: Json, *, number: str = "") -> Json:
    metadata = {"display_phone_number": PHONE_NUMBER, "phone_number_id": number or PHONE_NUMBER_ID}
    value = {"messaging_product": "whatsapp", "metadata": metadata, **what}
    body = _changes_body("messages", value, account=account, at_s=at_ms // 1000, provider="whatsapp")
    del body["entry"][0]["time"]
    return body


def message_body(
    text: str,
    *,
    sender: str,
    provider: str = "instagram",
    account: str = "",
    mid: str = "",
    at_ms: int = 0,
) -> Json:
    """A whole body with one text message, for a test; what is left out is made up, the time is now."""
    account, at_ms = account or ACCOUNTS[provider], at_ms or int(time.time() * 1000)
    mid = mid or {"whatsapp": "wamid.", "facebook": "m_"}.get(provider, "aWdfZAG1f") + secrets.token_urlsafe(18)
    if provider == "whatsapp":
        return whatsapp_body(text, sender=sender, account=account, mid=mid, at_ms=at_ms)
    said = message(text, sender=sender, account=account, mid=mid, at_ms=at_ms)
    return messaging_body([said], account=account, at_ms=at_ms, provider=provider)


def merged(bodies: Iterable[Json]) -> Json:
    """One body with the events of all, as Meta aggregates updates; at least one body, all of one object.

    Neighbours of one account share an entry, so a batch is many items in few entries.
    """
    whole = list(bodies)
    entries: list[Json] = []
    for entry in (entry for body in whole for entry in body["entry"]):
        last = entries[-1] if entries else {}
        if "messaging" in entry and "messaging" in last and entry["id"] == last["id"]:
            last["messaging"] = [*last["messaging"], *entry["messaging"]]
        else:
            entries.append(dict(entry))
    return {**whole[0], "entry": entries}


def sent_again(body: Json, at_ms: int) -> Json:
    """The body as Meta delivers it a second time: other `entry.time`, the same events."""
    return {**body, "entry": [_entry_again(entry, at_ms) for entry in body["entry"]]}


def _entry_again(entry: Mapping[str, Any], at_ms: int) -> Json:
    if "time" not in entry:
        return dict(entry)
    return {**entry, "time": at_ms if "messaging" in entry else at_ms // 1000}


def _changes_body(field: str, value: Json, *, account: str, at_s: int, provider: str) -> Json:
    entry = {"id": account, "time": at_s, "changes": [{"value": value, "field": field}]}
    return {"entry": [entry], "object": OBJECTS[provider]}

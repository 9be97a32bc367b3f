"""WhatsApp's Cloud API: everything stands in `changes[]`, many messages and states in one change.

A change is first broken into changes of one message or state each (`pieces`), by joining the bytes
that Meta sent; so a stored event never holds another customer's message or name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from instagram_webhooks.errors import Unreadable
from instagram_webhooks.providers.envelope import Update
from instagram_webhooks.providers.reading import Reading
from instagram_webhooks.providers.slices import elements, members, parsed
from instagram_webhooks.providers.values import Json, account_id, as_id, as_object, content_digest, needed_id
from instagram_webhooks.providers.whatsapp import content as says

_LISTS = ("messages", "statuses")
_KINDS = {"edit": "message_edit", "revoke": "message_deleted"}
_LONGEST_LABEL_BYTES = 400


def pieces(update: Update) -> list[Update]:
    """The update as several with one message or state each; unchanged where it holds none."""
    try:
        change = members(update.raw)
        is_ours = parsed(change.get("field", b"null")) == "messages"
        value = members(change["value"]) if is_ours and "value" in change else {}
    except Unreadable:
        return [update]
    return list(_pieces(update, value)) or [update]


def _pieces(update: Update, value: dict[str, bytes]) -> Iterator[Update]:
    head = b'{"field":"messages","value":{"messaging_product":"whatsapp",' + _metadata(value)
    contacts = _contacts(value)
    for name in _LISTS:
        try:
            slices = _listed(value.get(name))
        except Unreadable:
            yield update._replace(list_name="", raw=value[name])
            continue
        for raw in slices:
            contact = contacts.get(_partner_of(raw, name)) if contacts else None
            beside = b'"contacts":[' + contact + b"]," if contact else b""
            change = head + beside + b'"' + name.encode() + b'":[' + raw + b"]}}"
            yield update._replace(raw=change, offence=raw)


def _listed(raw: bytes | None) -> list[bytes]:
    return [] if raw is None or raw == b"null" else elements(raw)


def _metadata(value: dict[str, bytes]) -> bytes:
    try:
        slices = members(value.get("metadata", b"{}"))
    except Unreadable:
        return b""
    kept = [
        b'"' + name.encode() + b'":' + slices[name]
        for name in ("display_phone_number", "phone_number_id")
        if name in slices and _is_label(slices[name])
    ]
    return b'"metadata":{' + b",".join(kept) + b"}," if kept else b""


def _is_label(raw: bytes) -> bool:
    if len(raw) > _LONGEST_LABEL_BYTES:
        return False
    try:
        return isinstance(parsed(raw), str | int)
    except Unreadable:
        return False


def _contacts(value: dict[str, bytes]) -> dict[str, bytes]:
    """Each contact's slice by its WhatsApp id."""
    try:
        slices = _listed(value.get("contacts"))
        return {needed_id(as_object(parsed(raw)).get("wa_id")): raw for raw in slices}
    except Unreadable:
        return {}


def _partner_of(raw: bytes, list_name: str) -> str:
    try:
        return as_id(as_object(parsed(raw)).get("from" if list_name == "messages" else "recipient_id")) or ""
    except Unreadable:
        return ""


def _read_messages(value: Json, account: str) -> Reading:
    """The event of a value with one message or state; unknown where it has neither."""
    # One business has many numbers; replies go out from the number that was written to.
    account = account_id(as_object(value.get("metadata")).get("phone_number_id")) or account
    items = [(name, item) for name in _LISTS for item in _array(value.get(name))]
    if not items:
        return Reading("unknown", account, ("messages", content_digest(value)))
    (name, item), *more = items
    if more or not isinstance(item, dict):
        raise Unreadable
    return _message(item, account) if name == "messages" else _status(item, account)


def _array(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unreadable
    return value


def _message(message: Json, account: str) -> Reading:
    """A message; an edit or a revocation is a new one with an id of its own, about another."""
    wamid, sender = needed_id(message.get("id")), as_id(message.get("from"))
    kind = _KINDS.get(as_id(message.get("type")) or "", "message")
    about = wamid
    if kind != "message":
        about = as_id(as_object(message.get(str(message["type"]))).get("original_message_id")) or wamid
    return Reading(
        kind=kind,
        account=account,
        identity=(wamid,),
        sender=sender,
        partner=sender,
        message_id=about,
        time=message.get("timestamp"),
        tell=partial(says.message, message),
    )


def _status(status: Json, account: str) -> Reading:
    """How far a sent message came; sent, delivered and read share its id and arrive in any order."""
    wamid, state = needed_id(status.get("id")), needed_id(status.get("status"))
    partner = as_id(status.get("recipient_id"))
    return Reading(
        kind="status",
        account=account,
        identity=(wamid, state),
        partner=partner,
        message_id=wamid,
        time=status.get("timestamp"),
        tell=partial(says.status, status),
    )


CHANGES: Mapping[str, Callable[[Json, str], Reading]] = {"messages": _read_messages}

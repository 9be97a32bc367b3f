"""One element of `messaging[]` or `standby[]`, the form that Instagram and Messenger share.

An element has `sender`, `recipient`, `timestamp` and one body key that says what happened. Each of
the four can be missing; the body key alone decides the kind. One message id (mid) is shared by a
message, its edits, its deletion, the reactions to it and its receipts: the kind, which is part of
an event's key, tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from instagram_webhooks.errors import Unreadable
from instagram_webhooks.providers import meta_content as says
from instagram_webhooks.providers.reading import Reading, Tell, nothing_more
from instagram_webhooks.providers.values import (
    Json,
    account_id,
    as_id,
    as_object,
    content_digest,
    needed_id,
    whole_number,
)

# Fields under which the dashboard sends such an element as the value of a change; real deliveries do not.
FIELDS = frozenset(
    {
        *("messages", "message_echoes", "message_edit", "message_reactions", "message_reads"),
        *("message_deliveries", "messaging_reactions", "messaging_postbacks", "messaging_seen"),
        *("messaging_referral", "messaging_referrals", "messaging_optins"),
        *("messaging_handover", "messaging_handovers"),
    }
)


class _Element(NamedTuple):
    whole: Json
    body: Json  # what stands under its body key
    sender: str


class _What(NamedTuple):
    kind: str
    identity: tuple[str, ...]
    message_id: str | None = None
    tell: Tell = nothing_more


def read(element: object, entry_id: str) -> Reading:
    """The event of one element; entry_id is "" where the entry has none.

    Unreadable where an id that its kind needs is missing or no id.
    """
    if not isinstance(element, dict):
        raise Unreadable
    sender = as_id(as_object(element.get("sender")).get("id"))
    recipient = as_id(as_object(element.get("recipient")).get("id"))
    name, body = _body(element)
    # A note to self says so inside `message`, but beside `postback`.
    marked = body.get("is_echo") or body.get("is_self") or element.get("is_self")
    is_own = bool(marked) or (sender is not None and sender == entry_id)
    account = entry_id or account_id(sender if is_own else recipient)
    what = _READERS[name](_Element(element, body, sender or ""))
    return Reading(
        kind=what.kind,
        account=account or "",
        identity=what.identity,
        sender=sender,
        partner=recipient if is_own else sender,
        message_id=what.message_id,
        time=element.get("timestamp"),
        is_own=is_own,
        tell=what.tell,
    )


def _body(element: Json) -> tuple[str, Json]:
    is_null = False
    for name in _READERS:
        if name in element:
            body = element[name]
            if isinstance(body, dict):
                return name, body
            if body is not None:
                raise Unreadable
            is_null = True
    if is_null:
        raise Unreadable
    return "", {}


def _stamp(element: _Element) -> str:
    """What tells two events without ids apart: their own time, else all they hold."""
    time = element.whole.get("timestamp")
    if isinstance(time, str | int) and not isinstance(time, bool):
        return str(time)
    return content_digest(element.whole)


def _word(element: _Element, *names: str) -> str:
    """The first of these members of the body; "" where there is none."""
    for name in names:
        word = as_id(element.body.get(name))
        if word is not None:
            return word
    return ""


def _message(element: _Element) -> _What:
    body = element.body
    mid = needed_id(body.get("mid"))
    if body.get("is_deleted"):
        return _What("message_deleted", (mid,), mid, partial(says.target, body))
    kind = "echo" if body.get("is_echo") else "message"
    return _What(kind, (mid,), mid, partial(says.message, body))


def _edit(element: _Element) -> _What:
    mid, number = needed_id(element.body.get("mid")), whole_number(element.body.get("num_edit"))
    return _What("message_edit", (mid, str(number)), mid, partial(says.edit, element.body))


def _reaction(element: _Element) -> _What:
    mid = needed_id(element.body.get("mid"))
    identity = (element.sender, mid, _word(element, "action"), _word(element, "emoji"), _stamp(element))
    return _What("reaction", identity, mid, partial(says.reaction, element.body))


def _read(element: _Element) -> _What:
    mid = as_id(element.body.get("mid"))
    identity = (element.sender, mid or needed_id(element.body.get("watermark")))
    return _What("read", identity, mid, partial(says.target, element.body))


def _postback(element: _Element) -> _What:
    mid = as_id(element.body.get("mid"))
    tell = partial(says.postback, element.body)
    if mid is not None:
        return _What("postback", (mid,), mid, tell)
    return _What("postback", (element.sender, _word(element, "payload", "title"), _stamp(element)), None, tell)


def _handover(name: str, element: _Element) -> _What:
    apps = [_word(element, f"{which}_owner_app_id") for which in ("previous", "new", "requested")]
    roles = sorted(element.body) if name == "app_roles" else apps
    return _What("handover", (name, element.sender, *roles, _stamp(element)))


def _delivery(element: _Element) -> _What:
    # Its timestamp is the time of sending the receipt, so it is no part of the identity.
    mids, watermark = element.body.get("mids"), _word(element, "watermark")
    ids = tuple(sorted(map(needed_id, mids))) if isinstance(mids, list) else ()
    parts = (watermark, *ids) if watermark or ids else (_stamp(element),)
    return _What("delivery", (element.sender, *parts), ids[0] if len(ids) == 1 else None)


def _referral(element: _Element) -> _What:
    return _What("referral", (element.sender, _word(element, "ref"), _stamp(element)))


def _optin(element: _Element) -> _What:
    offer = _word(element, "payload", "ref", "user_ref")
    return _What("optin", (element.sender, offer, _stamp(element)))


def _unknown(element: _Element) -> _What:
    return _What("unknown", (content_digest(element.whole),))


_READERS: dict[str, Callable[[_Element], _What]] = {
    "message": _message,
    "message_edit": _edit,
    "reaction": _reaction,
    "read": _read,
    "postback": _postback,
    "pass_thread_control": partial(_handover, "pass_thread_control"),
    "take_thread_control": partial(_handover, "take_thread_control"),
    "request_thread_control": partial(_handover, "request_thread_control"),
    "app_roles": partial(_handover, "app_roles"),
    "delivery": _delivery,
    "referral": _referral,
    "optin": _optin,
    "": _unknown,
}

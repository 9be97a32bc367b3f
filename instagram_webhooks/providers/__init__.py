"""
What Meta's bodies hold, in our words; nothing above this room knows their shapes.

    envelope     a body, cut into updates               slices   JSON cut without rewriting it
    meta         messages as Instagram and Messenger    values   ids, times and texts
    instagram/   comments, mentions, story figures      facebook/   the feed
    whatsapp/    messages and states                    samples.py, */samples/   bodies to try things with
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

from instagram_webhooks.errors import Unreadable
from instagram_webhooks.events import Content, ParsedEvent, Provider
from instagram_webhooks.providers import facebook, instagram, meta, whatsapp
from instagram_webhooks.providers.envelope import TEST_ENTRY, Update, opened
from instagram_webhooks.providers.reading import Reading
from instagram_webhooks.providers.slices import parsed
from instagram_webhooks.providers.values import Json, bytes_digest, content_digest, moment

# A reaction waits for the message that it is about; what is read or delivered stands for itself.
IN_LANE = frozenset({"message", "message_deleted", "message_edit", "postback", "reaction"})

_CHANGES: Mapping[Provider, Mapping[str, Callable[[Json, str], Reading]]] = {
    "instagram": {**dict.fromkeys(meta.FIELDS, meta.read), **instagram.CHANGES},
    "facebook": {**dict.fromkeys(meta.FIELDS, meta.read), **facebook.CHANGES},
    "whatsapp": whatsapp.CHANGES,
}


def split(provider: Provider, body: bytes) -> list[ParsedEvent]:
    """The events of a signed body, in its order: at least one, whatever the bytes.

    What cannot be read becomes an event of kind unreadable and takes no neighbour along; a body
    that holds nothing becomes one of kind empty. Repeated updates are repeated events.
    """
    try:
        envelope = opened(body)
    except Unreadable:
        return [_unreadable(body, account="")]
    events = [_event(provider, piece) for update in envelope.updates for piece in _pieces(provider, update)]
    if events:
        return events
    account = next(iter(envelope.accounts)) if len(envelope.accounts) == 1 else ""
    return [ParsedEvent(kind="empty", account=account, identity=(bytes_digest(body),), raw=body)]


def content(provider: Provider, kind: str, raw: bytes) -> Content:
    """What the event says whose `raw` this is. Unreadable where the bytes are no such event."""
    pieces = [piece for update in opened(raw).updates for piece in _pieces(provider, update)]
    if len(pieces) != 1:
        raise Unreadable
    reading = _read(provider, pieces[0])
    if reading.kind != kind:
        raise Unreadable
    known = Content(
        sender=reading.sender or "",
        partner=reading.partner,
        message_id=reading.message_id,
        is_standby=pieces[0].list_name == "standby",
        is_own=reading.is_own,
    )
    return reading.tell(known)


def _pieces(provider: Provider, update: Update) -> list[Update]:
    return whatsapp.pieces(update) if provider == "whatsapp" and update.list_name == "changes" else [update]


def _event(provider: Provider, update: Update) -> ParsedEvent:
    try:
        reading = _read(provider, update)
    except Unreadable:
        offence = update.raw if update.offence is None else update.offence
        return _unreadable(offence, account=update.entry.id or "")
    is_test = update.entry.id == TEST_ENTRY
    return ParsedEvent(
        kind=reading.kind,
        account=reading.account,
        # The test button sends the same constants at each click, and each click is to be seen.
        identity=(str(uuid.uuid4()),) if is_test else reading.identity,
        partner=reading.partner,
        message_id=reading.message_id,
        happened_at=_happened_at(reading, update),
        in_lane=reading.partner is not None and reading.kind in IN_LANE,
        is_test=is_test,
        raw=update.body(),
    )


def _unreadable(raw: bytes, *, account: str) -> ParsedEvent:
    return ParsedEvent(kind="unreadable", account=account, identity=(bytes_digest(raw),), raw=raw)


def _read(provider: Provider, update: Update) -> Reading:
    if not update.list_name:
        raise Unreadable
    item = parsed(update.raw)
    account = update.entry.id or ""
    is_change = update.list_name == "changes"
    reading = _read_change(provider, item, account) if is_change else meta.read(item, account)
    if not reading.account:
        raise Unreadable
    return reading


def _read_change(provider: Provider, change: object, account: str) -> Reading:
    """The event of one `{"field": …, "value": …}`; a field that nobody knows is kept as unknown."""
    field = change.get("field") if isinstance(change, dict) else None
    if not isinstance(change, dict) or not isinstance(field, str):
        raise Unreadable
    value, reader = change.get("value"), _CHANGES[provider].get(field)
    if reader is None:
        return Reading("unknown", account, (field, content_digest(value)))
    if not isinstance(value, dict):
        raise Unreadable
    return reader(value, account)


def _happened_at(reading: Reading, update: Update) -> datetime | None:
    if reading.time is None and update.list_name == "changes":
        return moment(update.entry.time)  # a comment has no time of its own; it is sent when it is written
    return moment(reading.time)

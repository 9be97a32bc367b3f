"""A body as Meta wraps it, cut into updates: `{"object": …, "entry": [{"id": …, "messaging": […]}]}`.

Also taken: the same in an outer array, a change that stands in its entry directly, and the bare
`{"field": …, "value": …}` that the dashboard shows (and people post by hand).
"""

from __future__ import annotations

from typing import NamedTuple

from instagram_webhooks.errors import Unreadable
from instagram_webhooks.providers.slices import elements, members, parsed
from instagram_webhooks.providers.values import account_id

TEST_ENTRY = "0"  # the id of the entry that the dashboard's test button sends

_LISTS = ("messaging", "standby", "changes")
# What is repeated in the body of each of up to 1000 events must be short.
_LONGEST_LABEL_BYTES = 400
_MOST_UPDATES = 10_000  # Meta sends at most 1000


class Entry(NamedTuple):
    """What surrounds an update."""

    id: str | None  # None where Meta gave none that is fit for an account
    head: bytes  # a body's beginning, up to where an entry's list of updates is named
    time: object  # when Meta sent it: another one at each delivery


class Update(NamedTuple):
    """One element of an entry's list."""

    entry: Entry
    list_name: str  # "messaging", "standby" or "changes"; "" for what is no update at all
    raw: bytes
    offence: bytes | None = None  # what to keep of it if it is unreadable, where that is less

    def body(self) -> bytes:
        """A body of Meta's form with this update alone."""
        return self.entry.head + b'"' + self.list_name.encode() + b'":[' + self.raw + b"]}]}"


class Envelope(NamedTuple):
    """A body's updates in its own order, and the accounts of its entries."""

    updates: list[Update]
    accounts: set[str]


NOWHERE = Entry(id=None, head=b"", time=None)


def opened(body: bytes) -> Envelope:
    """The body, cut. Unreadable where it has no envelope at all."""
    envelope = Envelope([], set())
    for outer in elements(body) if body.lstrip()[:1] == b"[" else [body]:
        try:
            _open_one(outer, envelope)
        except Unreadable:
            if outer is body:
                raise
            envelope.updates.append(Update(NOWHERE, "", outer))
    return envelope


def _open_one(outer: bytes, envelope: Envelope) -> None:
    top = members(outer)
    if "entry" not in top and "field" in top:
        entry = _entry({"id": b'"0"'}, top)
        envelope.updates.append(Update(entry, "changes", _flat_change(top)))
        return
    for raw in _listed(top.get("entry")):
        try:
            slices = members(raw)
        except Unreadable:
            envelope.updates.append(Update(NOWHERE, "", raw))
            continue
        entry = _entry(slices, top)
        if entry.id is not None:
            envelope.accounts.add(entry.id)
        envelope.updates.extend(_updates(entry, slices))
        if len(envelope.updates) > _MOST_UPDATES:
            raise Unreadable


def _updates(entry: Entry, slices: dict[str, bytes]) -> list[Update]:
    found: list[Update] = []
    for name in _LISTS:
        try:
            found += [Update(entry, name, raw) for raw in _listed(slices.get(name))]
        except Unreadable:
            found.append(Update(entry, "", slices[name]))
    if "field" in slices:
        found.append(Update(entry, "changes", _flat_change(slices)))
    return found


def _listed(raw: bytes | None) -> list[bytes]:
    return [] if raw is None or raw == b"null" else elements(raw)


def _flat_change(slices: dict[str, bytes]) -> bytes:
    value = slices.get("value", b"null")
    return b'{"field":' + slices["field"] + b',"value":' + value + b"}"


def _entry(slices: dict[str, bytes], top: dict[str, bytes]) -> Entry:
    id_ = account_id(_label(slices, "id"))
    head = b'{"object":' + top["object"] + b',"entry":[{' if _label(top, "object") else b'{"entry":[{'
    if id_ is not None:
        head += b'"id":' + slices["id"] + b","
    time = _label(slices, "time")
    if time is not None:
        head += b'"time":' + slices["time"] + b","
    return Entry(id_, head, time)


def _label(slices: dict[str, bytes], name: str) -> object:
    """What a short member says; None where it is missing, long or no JSON."""
    raw = slices.get(name)
    if raw is None or len(raw) > _LONGEST_LABEL_BYTES:
        return None
    try:
        return parsed(raw)
    except Unreadable:
        return None

"""
The one room of personal data: sealing, opening, and digests to find things by.

Sealed bytes: 1 byte length of the key id, key id, 12 bytes nonce, AES-256-GCM ciphertext with tag.
The associated data binds them to one table, column and row, so they cannot be moved elsewhere.
Digests are HMAC-SHA256 under LOOKUP_KEY, cut to 16 bytes. The key is never rotated: a WhatsApp id
is a phone number, and an unkeyed digest of it would be undone by trying all numbers.
"""

import os
import uuid
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from instagram_webhooks.conf import conf
from instagram_webhooks.errors import PayloadSealBroken
from instagram_webhooks.events import ParsedEvent

_NONCE_BYTES = 12


@lru_cache(maxsize=32)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _associated(place: str, row_id: uuid.UUID) -> bytes:
    return place.encode() + b"\0" + row_id.bytes


def seal(plain: bytes, *, place: str, row_id: uuid.UUID) -> bytes:
    """The sealed form of `plain` for one row; place is "table.column"."""
    key_id, key = next(iter(conf().encryption_keys.items()))
    nonce = os.urandom(_NONCE_BYTES)
    name = key_id.encode()
    return bytes([len(name)]) + name + nonce + _cipher(key).encrypt(nonce, plain, _associated(place, row_id))


def open_sealed(sealed: bytes | memoryview, *, place: str, row_id: uuid.UUID) -> bytes:
    """What was sealed for this row; raises PayloadSealBroken where the key is gone or a byte was changed."""
    data = bytes(sealed)
    end = 1 + data[0] if data else 0
    key_id = data[1:end].decode("ascii", "replace")
    key = conf().encryption_keys.get(key_id)
    if key is None:
        raise PayloadSealBroken("The key that sealed this is not in ENCRYPTION_KEYS.")
    nonce = data[end : end + _NONCE_BYTES]
    try:
        return _cipher(key).decrypt(nonce, data[end + _NONCE_BYTES :], _associated(place, row_id))
    except (InvalidTag, ValueError):
        raise PayloadSealBroken("The sealed bytes were changed, or belong to another row.") from None


def seal_text(text: str, *, place: str, row_id: uuid.UUID) -> bytes:
    """As `seal`, for text."""
    return seal(text.encode("utf-8", "replace"), place=place, row_id=row_id)


def open_text(sealed: bytes | memoryview, *, place: str, row_id: uuid.UUID) -> str:
    """As `open_sealed`, for text."""
    return open_sealed(sealed, place=place, row_id=row_id).decode()


@lru_cache(maxsize=4)
def _keyed(key: bytes) -> HMAC:
    """What has read the key. A copy of it goes on from there, in half the time of hmac.digest; the door makes three."""
    return HMAC(key, SHA256())


def _digest(purpose: str, *parts: str) -> bytes:
    """A keyed digest of the parts, 16 bytes.

    The parts are framed by their lengths, so ("ab", "c") and ("a", "bc") differ.
    """
    keyed = _keyed(conf().lookup_key).copy()
    keyed.update((purpose + "".join([f"\0{len(part)}:{part}" for part in parts])).encode("utf-8", "surrogatepass"))
    return keyed.finalize()[:16]


def _conversation(provider: str, account: str, partner: str) -> bytes:
    return _digest("conversation", provider, account, partner)


# Without the account, so that an id can be traced by those who know nothing else.
def _message(message_id: str) -> bytes:
    return _digest("message", message_id)


def digest(purpose: str, *parts: str) -> uuid.UUID:
    """A keyed digest of the parts, in the type that PostgreSQL indexes best."""
    return uuid.UUID(bytes=_digest(purpose, *parts))


def conversation_id(provider: str, account: str, partner: str) -> uuid.UUID:
    """The id of a conversation, known before its row exists; also the lane of its events."""
    return uuid.UUID(bytes=_conversation(provider, account, partner))


def message_digest(message_id: str) -> uuid.UUID:
    """How a message or comment is found again without storing its id in plain."""
    return uuid.UUID(bytes=_message(message_id))


# The key of an event begins with so many bytes of its message's digest: one index tells known events and finds those of
# a message, and a new event touches one page of all that were ever stored, not two (decision 20).
LED_BY = 8


def event_keys(message: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """The first and the last key that an event of a message may have, by the message's digest."""
    led, rest = message.bytes[:LED_BY], 16 - LED_BY
    return uuid.UUID(bytes=led + b"\x00" * rest), uuid.UUID(bytes=led + b"\xff" * rest)


class Keys(NamedTuple):
    """The key by which an event is known again, its conversation's id and its message's digest.

    As bytes: the door makes them of every event, and does nothing with them but hand them to the database.
    As UUIDs they took a tenth of its time for a batch of a hundred.
    """

    event: bytes
    conversation: bytes | None
    message: bytes | None


def keys_of(provider: str, event: ParsedEvent) -> Keys:
    """What one event is known and found by."""
    message = _message(event.message_id) if event.message_id else None
    own = _digest("event", provider, event.account, event.kind, *event.identity)
    return Keys(
        event=own if message is None else message[:LED_BY] + own[LED_BY:],
        conversation=_conversation(provider, event.account, event.partner) if event.partner else None,
        message=message,
    )

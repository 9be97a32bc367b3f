"""How a webhook of Meta looks on the wire: its bytes, its signatures, its headers."""

import hashlib
import hmac
import json
from collections.abc import Mapping

SIGNATURE_HEADER = "X-Hub-Signature-256"
OBJECTS: Mapping[str, str] = {
    "instagram": "instagram",
    "facebook": "page",
    "whatsapp": "whatsapp_business_account",
}


def wire(body: object) -> bytes:
    """Compact ASCII JSON as Meta writes it.

    Lower-case `\\uXXXX` for all that is not ASCII, `\\/` for a slash, `\\u0025` for a percent sign. Whoever
    parses and writes it again with ordinary JSON gets other bytes, and so another signature.
    """
    text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    # Neither sign stands outside of strings in JSON, so replacing them in the whole text is safe.
    return text.replace("/", "\\/").replace("%", "\\u0025").encode("ascii")


def sign(raw: bytes, secret: str) -> str:
    """The value of `X-Hub-Signature-256` for these bytes."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def sign_sha1(raw: bytes, secret: str) -> str:
    """The value of the legacy header `X-Hub-Signature`, which Meta still sends beside the newer one."""
    return "sha1=" + hmac.new(secret.encode(), raw, hashlib.sha1).hexdigest()


def headers(raw: bytes, secret: str) -> dict[str, str]:
    """The whole set of headers of a delivery; there is no delivery id and no time among them."""
    return {
        "Accept": "*/*",
        "Accept-Encoding": "deflate, gzip",
        "Content-Type": "application/json",
        "Facebook-API-Version": "v25.0",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature": sign_sha1(raw, secret),
        SIGNATURE_HEADER: sign(raw, secret),
    }


def changed_byte(raw: bytes) -> bytes:
    """The same bytes but one, near the middle; still JSON if it was JSON with letters or digits there."""
    places = range(len(raw) // 2, len(raw))
    at = next((place for place in places if raw[place : place + 1].isdigit()), len(raw) // 2)
    other = b"7" if raw[at : at + 1] != b"7" else b"3"
    return raw[:at] + other + raw[at + 1 :]

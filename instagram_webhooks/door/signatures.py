"""Whether Meta signed a request: its header, over the raw bytes, under any of the app secrets."""

import hashlib
import hmac
import re
from collections.abc import Sequence

from instagram_webhooks.errors import HandshakeRefused, SignatureMismatch

_FORM = re.compile(r"sha256=[0-9a-f]{64}")


def verify(body: bytes, header: str | None, secrets: Sequence[str]) -> int:
    """The place of the secret that signed the body, 0 being the newest; raises SignatureMismatch.

    Constant time in the signature. What was expected is never said, here or in any log.
    """
    if header is None:
        raise SignatureMismatch(check="missing")
    if not _FORM.fullmatch(header):
        raise SignatureMismatch(check="malformed")
    for place, secret in enumerate(secrets):
        computed = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
        if hmac.compare_digest(computed, header[len("sha256=") :]):
            return place
    raise SignatureMismatch(check="no_secret_matches" if secrets else "no_secret_configured")


def answer_handshake(mode: str, token: str, challenge: str, *, expected: str) -> str:
    """The challenge to echo; raises HandshakeRefused. An empty expected token refuses all."""
    if mode != "subscribe":
        raise HandshakeRefused(check="mode")
    if not expected or not hmac.compare_digest(token.encode("utf-8", "surrogatepass"), expected.encode()):
        raise HandshakeRefused(check="verify_token")
    if not challenge:
        raise HandshakeRefused(check="challenge")
    return challenge

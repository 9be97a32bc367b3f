"""By what the product knows an event again, worked out apart from it: the oracle must not share its mistakes."""

import base64
import hashlib
import hmac
import json

from webhooks_project.environment import DEVELOPMENT_KEY

KEY = base64.b64decode(DEVELOPMENT_KEY)


def event_key(kind, account, *identity, mid=None, provider="instagram"):
    """16 bytes: what the column key holds. mid: the message that it is of, if it is of one."""
    own = _digest("event", provider, account, kind, *identity)
    return own if mid is None else _digest("message", mid)[:8] + own[8:]


def _digest(purpose, *parts):
    told = purpose + "".join(f"\0{len(part)}:{part}" for part in parts)
    return hmac.digest(KEY, told.encode(), hashlib.sha256)[:16]


def content(item):
    """What stands for the id of an event that has none: all it holds."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

"""One call of the Graph API and its answer, apart from how HTTP carries them."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Ending = Literal["answer", "reset", "timeout"]

MEANINGS: Mapping[int, str] = {
    1: "Something went wrong that has no name",
    2: "The service is away for a moment",
    4: "The application made too many calls",
    10: "The application has no permission for this",
    17: "The user made too many calls",
    32: "The page made too many calls",
    100: "A parameter is wrong",
    190: "The access token is not valid",
    200: "A permission is missing",
    368: "This action is blocked for now",
    551: "This person cannot be reached",
    613: "Calls of this kind came too fast",
    80002: "Too many calls for this Instagram account",
}
TRANSIENT = frozenset({1, 2, 4, 17, 32, 613})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call as it came in. parts: the path without its version; token: of header or query, or ""."""

    method: str
    path: str
    parts: tuple[str, ...]
    query: Mapping[str, str]
    token: str = field(repr=False)
    body: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a conversation, by either side. at_s: seconds since the epoch."""

    account: str
    person: str
    mid: str
    text: str = field(repr=False)
    by_account: bool
    at_s: float
    is_whatsapp: bool = False
    metadata: str = field(default="", repr=False)  # what the account attached for itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered: a JSON value, or a text of another content type; or how the connection ends without.

    delay_s: seconds before it is answered; hold_s: how long a time-out holds the connection.
    echo: the message whose echo is due around this answer.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    ending: Ending = "answer"
    delay_s: float = 0.0
    hold_s: float = 0.0
    echo: Said | None = None

    def raw(self) -> bytes:
        """The body in bytes."""
        return (json.dumps(self.body) if self.content_type == "application/json" else str(self.body)).encode()


def refusal(
    code: int,
    subcode: int | None = None,
    *,
    status: int = 400,
    headers: Mapping[str, str] | None = None,
    why: str = "",
) -> Reply:
    """Meta's error of this code, in the shape that the Graph API gives all of them."""
    error: dict[str, object] = {
        "message": why or f"(#{code}) {MEANINGS.get(code, 'Refused')}",
        "type": "OAuthException",
        "code": code,
    }
    if subcode is not None:
        error["error_subcode"] = subcode
    if code in TRANSIENT:
        error["is_transient"] = True
    error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
    return Reply(status=status, body={"error": error}, headers=headers or {})

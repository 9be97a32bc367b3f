"""
What an answer of the Graph API means: Meta's codes first, the HTTP status only where there is no code.

Meta answers rate limits, refused tokens and bad parameters alike with HTTP 400. Sources of the
codes: Meta's error references for the Messenger Platform, the Graph API and the Instagram API
(read 2026-11), and its page on rate limits for the usage headers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from instagram_webhooks.errors import (
    AccountBlocked,
    GraphFailed,
    GraphRefused,
    GraphThrottled,
    GraphThrottledFor,
    TokenRefused,
    WebhookError,
)

THROTTLING = {4, 17, 32, 341, 613, 130429, 131048, 131056} | set(range(80000, 80015))
TOKEN = {102, 190}
BLOCKED = {368}
BLOCKED_SUBCODES = {(10, 1893063), (100, 2534029)}
# 1 and 2 say nothing about whether the message left: of 1 with subcode 1357046 Meta says that it did.
AMBIGUOUS = {1, 2}
FOR_GOOD_SUBCODES = {(613, 2018338)}  # "stop": waiting does not help
LONGEST_WAIT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the Graph API, without its words: they may quote what was sent."""

    status: int
    code: int | None = None
    subcode: int | None = None

    @classmethod
    def read(cls, status: int, body: bytes) -> "Refusal":
        """From an answer; a body of no known shape leaves code and subcode None."""
        try:
            error = json.loads(body)["error"]
            return cls(status, _number(error.get("code")), _number(error.get("error_subcode")))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return cls(status)

    def facts(self) -> dict[str, int]:
        """What may be logged and stored."""
        named = {"status": self.status, "graph_code": self.code, "graph_subcode": self.subcode}
        return {name: value for name, value in named.items() if value is not None}


def _number(value: object) -> int | None:
    """Only what its column holds: an event must not fail at being recorded."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < 2**31 else None


def error_of(refusal: Refusal, headers: Mapping[str, str]) -> WebhookError:
    """The error whose class says what to do."""
    code, facts = refusal.code, refusal.facts()
    pair = (code or 0, refusal.subcode or 0)
    if pair in FOR_GOOD_SUBCODES:
        return GraphRefused(**facts)
    if refusal.status == 429 or code in THROTTLING:
        wait_s = named_wait_s(headers)
        return GraphThrottled(**facts) if wait_s is None else GraphThrottledFor(wait_s=wait_s, **facts)
    if code in TOKEN:
        return TokenRefused(**facts)
    if code in BLOCKED or pair in BLOCKED_SUBCODES:
        return AccountBlocked(**facts)
    if code in AMBIGUOUS or refusal.status >= 500:
        return GraphFailed(**facts)
    if code is None and refusal.status == 401:
        return TokenRefused(**facts)
    return GraphRefused(**facts)


def named_wait_s(headers: Mapping[str, str]) -> float | None:
    """The wait that Meta names, in seconds, or None: Retry-After, or the usage header (which counts minutes)."""
    waits = [
        *_retry_after(headers.get("Retry-After", "")),
        *_usage(headers.get("X-Business-Use-Case-Usage", "")),
    ]
    return min(max(waits), LONGEST_WAIT_S) if waits else None


def _retry_after(value: str) -> list[float]:
    return [float(value)] if value.strip().isdigit() and float(value) > 0 else []


def _usage(value: str) -> list[float]:
    try:
        usages = [usage for group in json.loads(value).values() for usage in group]
        minutes = [usage.get("estimated_time_to_regain_access") for usage in usages]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return []
    return [each * 60.0 for each in minutes if isinstance(each, int | float) and each > 0]

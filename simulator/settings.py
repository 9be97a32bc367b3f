"""How the stand-in behaves, as told at its start or later through `/_simulator/settings`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import urlsplit

from simulator.meta_wire import OBJECTS

NUMBERS = ("lag_s", "latency_s", "text_limit_bytes", "sends_per_s", "lookups_per_s")
MAX_NUMBER = 10**6
STATUSES = ("sent", "delivered", "read", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoing:
    """Where the echoes of messages that were taken are sent.

    delay_s: seconds after the answer; below zero the echo comes first, the answer so many seconds later.
    provider: messages of another are not told here. status: what WhatsApp tells instead of an echo.
    """

    url: str
    secret: str = field(repr=False)
    delay_s: float = 0.0
    provider: str = "instagram"
    status: str = "sent"

    @classmethod
    def read(cls, value: object) -> "Echoing | None":
        """From JSON; ValueError with a sentence when it makes no sense."""
        if value is None:
            return None
        known = {one.name for one in fields(cls)}
        if not isinstance(value, dict) or not {"url", "secret"} <= set(value) <= known:
            raise ValueError(f"echo is null or has url and secret, and of these: {', '.join(sorted(known))}.")
        if urlsplit(str(value["url"])).scheme not in ("http", "https"):
            raise ValueError("echo.url must begin with http:// or https://.")
        if value.get("provider", "instagram") not in OBJECTS:
            raise ValueError(f"echo.provider is one of {', '.join(OBJECTS)}.")
        if value.get("status", "sent") not in STATUSES:
            raise ValueError(f"echo.status is one of {', '.join(STATUSES)}.")
        delay_s = _number("echo.delay_s", value.get("delay_s", 0.0), least=-60)
        return cls(**{**value, "delay_s": delay_s})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every knob.

    accounts: token by Meta's id of the account; several ids may share one token.
    check_tokens: False answers whoever asks.
    lag_s: so long a taken message is missing in the listing. latency_s: added to every answer of the Graph.
    text_limit_bytes: longer texts are refused, as Instagram does; 0 for no limit.
    sends_per_s, lookups_per_s: more are refused with code 613, per account; 0 for no limit.
    """

    accounts: Mapping[str, str] = field(default_factory=dict, repr=False)
    check_tokens: bool = False
    lag_s: float = 0.0
    latency_s: float = 0.0
    text_limit_bytes: float = 1000
    sends_per_s: float = 0
    lookups_per_s: float = 0
    echo: Echoing | None = None

    def changed(self, values: Mapping[str, Any]) -> Self:
        """These settings with some replaced; ValueError for an unknown name or a wrong value."""
        known = {one.name for one in fields(self)}
        unknown = set(values) - known
        if unknown:
            raise ValueError(f"No setting is called {min(unknown)!r}; there are {', '.join(sorted(known))}.")
        read: dict[str, Any] = {name: _number(name, values[name]) for name in NUMBERS if name in values}
        if "check_tokens" in values:
            read["check_tokens"] = bool(values["check_tokens"])
        if "echo" in values:
            read["echo"] = Echoing.read(values["echo"])
        if "accounts" in values:
            read["accounts"] = _accounts(values["accounts"])
        return replace(self, **read)

    def as_json(self) -> dict[str, object]:
        """What may be shown: no token and no secret."""
        shown: dict[str, object] = {name: getattr(self, name) for name in (*NUMBERS, "check_tokens")}
        shown["accounts"] = list(self.accounts)
        echo = self.echo
        shown["echo"] = echo and {"url": echo.url, "delay_s": echo.delay_s, "provider": echo.provider}
        return shown


def _accounts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(token, str) and token for token in value.values()):
        raise ValueError("accounts is an object of tokens by account id.")
    return {str(id_): token for id_, token in value.items()}


def _number(name: str, value: object, *, least: float = 0) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= MAX_NUMBER:  # type: ignore[operator]
        raise ValueError(f"{name} is a number from {least:g} to {MAX_NUMBER}.")
    return float(value)  # type: ignore[arg-type]

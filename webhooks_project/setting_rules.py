"""
What values must be like beyond their kind, each alone and together.

Faults are words that may follow the name of a setting. They say what is wanted and quote nothing of the
value, which may be a secret.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CHOICES = {
    "REPLIES": ("on", "off", "shadow"),
    "SECOND_FACTOR": ("off", "operators", "all"),
    "WORKER_POOL": ("threads", "prefork"),
    "LOG_FORMAT": ("json", "console"),
    "LOG_LEVEL": ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
}
LEAST: dict[str, float] = {
    "WEBHOOK_MAX_ATTEMPTS": 1,
    "WEBHOOK_KEY_MEMORY_DAYS": 8,
    "WEBHOOK_QUEUE_LIMIT": 1,
    "WEB_CONCURRENCY": 1,
    "WORKER_CONCURRENCY": 1,
    "ACK_COOLDOWN_S": 0,
    "HUMAN_PAUSE_S": 0,
    "REPLY_SETTLE_S": 0,
    "GRAPH_DEADLINE_S": 0.1,
    "REPLY_POLICY_BUDGET_S": 0.1,
    "WEBHOOK_LEASE_S": 1,
    "WEBHOOK_SWEEP_INTERVAL_S": 0.1,
    "WEBHOOK_DISPATCH_GATE_S": 0.1,
    "WORKER_SILENT_S": 1,
    "ALERT_HEAD_AGE_S": 0,
    "ALERT_OLDEST_S": 0,
    "ALERT_DEATHS_A_MINUTE": 0,
    "ALERT_REFUSED_A_MINUTE": 0,
    "ALERT_ACCOUNT_SILENT_S": 0,
}
MOST = 1e9  # seconds, or whatever: no clock and no column takes all that a float may be
PORTS = range(65536)  # 0: the system chooses, for who looks up afterwards where the process listens


def wanted(name: str, kind: str) -> str:
    """What a truth value, a number or a choice must be."""
    if choices := CHOICES.get(name):
        return f"must be {', '.join(choices[:-1])} or {choices[-1]}"
    if kind == "bool":
        return "must be true or false"
    if name == "PORT":
        return "must be a whole number from 1 to 65535 (where the web process listens)"
    if name == "METRICS_PORT":
        return "must be a whole number from 1 to 65535, or 0 for none"
    number = "a whole number" if kind == "int" else "a number"
    return f"must be {number}, {LEAST[name]:g} or more"


def is_in_range(name: str, value: Any) -> bool:
    """Whether a value of the right kind is one of those that may be chosen."""
    if choices := CHOICES.get(name):
        return value in choices
    if name in ("PORT", "METRICS_PORT"):
        return value in PORTS
    return name not in LEAST or LEAST[name] <= value <= MOST


PROVIDERS = ("INSTAGRAM", "FACEBOOK", "WHATSAPP")


@dataclass(frozen=True, slots=True)
class Clash:
    """Settings whose values may not stand together. is_so: asked with their values, in the order of names."""

    names: tuple[str, ...]
    is_so: Callable[..., bool]
    said: str


def _pair(one: str, other: str) -> Clash:
    return Clash(
        (one, other),
        lambda first, second: bool(first) != bool(second),
        f"{one} and {other} go together: set both or neither",
    )


CLASHES = (
    Clash(
        ("GRAPH_DEADLINE_S", "REPLY_POLICY_BUDGET_S", "WEBHOOK_LEASE_S"),
        lambda deadline, budget, lease: deadline + budget >= lease,
        "GRAPH_DEADLINE_S + REPLY_POLICY_BUDGET_S must be less than WEBHOOK_LEASE_S: "
        "no call may outlive the claim it belongs to",
    ),
    Clash(
        ("REPLY_SETTLE_S", "WEBHOOK_LEASE_S"),
        lambda settle, lease: settle >= lease,
        "REPLY_SETTLE_S must be less than WEBHOOK_LEASE_S",
    ),
    Clash(
        ("DJANGO_DEBUG", "DJANGO_SECRET_KEY"),
        lambda is_development, key: not is_development and len(key) < 50,
        "DJANGO_SECRET_KEY must have 50 characters or more",
    ),
    Clash(
        ("ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET"),
        lambda url, secret: bool(secret and not url),
        "ALERT_WEBHOOK_SECRET signs what is posted to ALERT_WEBHOOK_URL: set that too",
    ),
    Clash(
        ("PORT", "METRICS_PORT"),
        lambda of_web, of_worker: of_web == of_worker != 0,
        "METRICS_PORT must be another than PORT: a worker and web may share a machine",
    ),
    _pair("INSTAGRAM_ACCOUNT_ID", "INSTAGRAM_ACCESS_TOKEN"),
    *(_pair(f"{provider}_APP_SECRETS", f"{provider}_VERIFY_TOKEN") for provider in PROVIDERS),
    # Any one of the app secrets will do, so none of them is required by itself.
    Clash(
        tuple(f"{provider}_APP_SECRETS" for provider in PROVIDERS),
        lambda *secrets: not any(secrets),
        "INSTAGRAM_APP_SECRETS is missing: without an app secret no webhook can be verified. "
        "Set it and INSTAGRAM_VERIFY_TOKEN, or those of FACEBOOK or WHATSAPP",
    ),
)


def clashes(values: Mapping[str, Any]) -> list[str]:
    """Faults of values that are fine alone; a setting that is left out has a fault of its own."""
    return [
        clash.said
        for clash in CLASHES
        if values.keys() >= set(clash.names) and clash.is_so(*(values[name] for name in clash.names))
    ]

"""
Every setting of this service: its name, its default and what it means.

The README's table and `.env.example` are held against this list by a test. Values are read and
judged together, so a start with five faults names all five.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from environs import EnvError, FileAwareEnv

from webhooks_project.setting_kinds import PARSERS
from webhooks_project.setting_rules import CHOICES, LEAST

REQUIRED = object()


class Misconfigured(Exception):
    """The settings cannot work; the message names every fault and what to do."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        lines = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(f"{len(faults)} setting(s) must be mended before the start:\n{lines}")


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable. `development` is what DJANGO_DEBUG=true supplies where it is unset."""

    name: str
    kind: str  # a method of environs.Env, or one of PARSERS
    default: Any
    meaning: str
    development: Any = None
    is_secret: bool = False


DEVELOPMENT_KEY = base64.b64encode(b"development only, never deploy ".ljust(32, b"!")).decode()
_STAND_IN = "development-only"

SETTINGS = (
    Setting("DJANGO_DEBUG", "bool", False, "development mode: readable logs, stand-in secrets"),
    Setting("DJANGO_SECRET_KEY", "str", REQUIRED, "Django's signing key, 50 characters or more", _STAND_IN * 4, True),
    Setting("DJANGO_ALLOWED_HOSTS", "words", REQUIRED, "host names, comma separated", "localhost,127.0.0.1,[::1]"),
    Setting("DATABASE_URL", "str", REQUIRED, "postgresql://…", "postgresql://127.0.0.1/instagram_webhooks", True),
    Setting(
        "MIGRATION_DATABASE_URL",
        "str",
        "",
        "the role that owns the tables (default: DATABASE_URL)",
        None,
        True,
    ),
    Setting("REDIS_URL", "str", REQUIRED, "redis://… or rediss://…", "redis://127.0.0.1:6379/0", True),
    Setting("CELERY_BROKER_URL", "str", "", "another broker (default: REDIS_URL)", None, True),
    Setting(
        "ENCRYPTION_KEYS",
        "keys",
        REQUIRED,
        "id:base64 of 32 bytes, newest first",
        f"dev:{DEVELOPMENT_KEY}",
        True,
    ),
    Setting("LOOKUP_KEY", "key", REQUIRED, "base64 of 32 bytes, never rotated", DEVELOPMENT_KEY, True),
    Setting("INSTAGRAM_APP_SECRETS", "words", "", "app secrets, newest first", _STAND_IN, True),
    Setting("FACEBOOK_APP_SECRETS", "words", "", "the same for Messenger", _STAND_IN, True),
    Setting("WHATSAPP_APP_SECRETS", "words", "", "the same for WhatsApp", _STAND_IN, True),
    Setting("INSTAGRAM_VERIFY_TOKEN", "str", "", "the word you type into Meta's dashboard", _STAND_IN, True),
    Setting("FACEBOOK_VERIFY_TOKEN", "str", "", "the same for Messenger", _STAND_IN, True),
    Setting("WHATSAPP_VERIFY_TOKEN", "str", "", "the same for WhatsApp", _STAND_IN, True),
    Setting("INSTAGRAM_ACCOUNT_ID", "str", "", "a first account without the admin: its id (entry.id)"),
    Setting("INSTAGRAM_ACCESS_TOKEN", "str", "", "the access token of that account", None, True),
    Setting("GRAPH_API_URL", "str", "", "one base for all Graph hosts (default: Meta's own)"),
    Setting("GRAPH_API_VERSION", "str", "v25.0", "version in every Graph path"),
    Setting("GRAPH_DEADLINE_S", "float", 20.0, "total time of one Graph call"),
    Setting("REPLIES", "str", "on", "on; off: nothing is sent; shadow: decided and stored, not sent"),
    Setting(
        "REPLY_POLICY",
        "str",
        "instagram_webhooks.replies.policy.acknowledge",
        "dotted path of the reply policy",
    ),
    Setting("REPLY_POLICY_BUDGET_S", "float", 20.0, "past it the attempt counts as failed"),
    Setting(
        "ACK_TEXT",
        "str",
        "Thank you for your message. We will get back to you soon.",
        "text of the default policy",
    ),
    Setting("ACK_COOLDOWN_S", "float", 43200.0, "default policy: silence after its own reply (0: it answers all)"),
    Setting("HUMAN_PAUSE_S", "float", 43200.0, "default policy: silence after a person answered"),
    Setting("REPLY_SETTLE_S", "float", 15.0, "how long a sent message may be missing in Meta's listing"),
    Setting("WEBHOOK_MAX_ATTEMPTS", "int", 3, "attempts before an event dies"),
    Setting("WEBHOOK_RETRY_DELAYS_S", "delays", "60,300,900", "waits between attempts; the last repeats"),
    Setting("WEBHOOK_LEASE_S", "float", 90.0, "how long a worker owns what it claimed"),
    Setting("WEBHOOK_SWEEP_INTERVAL_S", "float", 5.0, "pause between two sweeps"),
    Setting("WEBHOOK_DISPATCH_GATE_S", "float", 30.0, "an event is not offered again sooner"),
    Setting("WORKER_SILENT_S", "float", 10.0, "a worker silent for longer is taken for dead"),
    Setting("WEBHOOK_QUEUE_LIMIT", "int", 10000, "no wake-ups are offered beyond so many messages"),
    Setting("WEBHOOK_KEY_MEMORY_DAYS", "int", 90, "an older event is ignored as expired (at least 8)"),
    Setting("ALERT_WEBHOOK_URL", "str", "", "each new dead letter is told here, at most once a minute", None, True),
    Setting("ALERT_EMAILS", "words", "", "and to these addresses (mail server: EMAIL_URL)"),
    Setting("ALERT_HEAD_AGE_S", "float", 900.0, "and that a conversation has waited for so long (0: never)"),
    Setting("EMAIL_URL", "str", "", "smtp://user:password@host:port (default: mails go to the log)", None, True),
    Setting("HOST", "str", "127.0.0.1", "where the web process listens"),
    Setting("PORT", "int", 8000, "where the web process listens"),
    Setting("WEB_CONCURRENCY", "int", 1, "web processes"),
    Setting("WORKER_CONCURRENCY", "int", 5, "slots of a worker process"),
    Setting("WORKER_POOL", "str", "threads", "threads or prefork"),
    Setting("LOG_LEVEL", "str", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    Setting("LOG_FORMAT", "str", "json", "json or console", "console"),
    Setting("PROXY_SSL_HEADER", "str", "", "header in which a trusted proxy says https (X-Forwarded-Proto)"),
)


def read() -> dict[str, Any]:
    """The value of every setting by name; raises Misconfigured with all faults at once.

    Each NAME may be given as NAME_FILE instead: the value is then read from that file. An empty
    value counts as none.
    """
    source = FileAwareEnv(strip_whitespace=True)
    faults: list[str] = []
    debug: list[str] = []
    is_development = bool(_read_one(source, SETTINGS[0], is_development=False, faults=debug))
    values = {
        setting.name: _read_one(source, setting, is_development=is_development, faults=faults) for setting in SETTINGS
    }
    faults += _unverifiable(values)
    if not faults:
        faults = _contradictions(values)
    if faults:
        raise Misconfigured(faults)
    return values


def _read_one(source: FileAwareEnv, setting: Setting, *, is_development: bool, faults: list[str]) -> Any:
    default = setting.default
    if is_development and setting.development is not None:
        default = setting.development
    try:
        given = source.str(setting.name, "")
        if given == "" and default is REQUIRED:
            faults.append(f"{setting.name} is missing: {setting.meaning}")
            return None
        return _parsed(source, setting, given or default, is_given=given != "")
    except (EnvError, ValueError) as exc:
        # What environs says quotes the value, and the value may be a secret; our own parsers do not.
        is_ours = setting.kind in PARSERS or "_FILE must" in str(exc)
        said = str(exc) if is_ours else f"is no valid {setting.kind}"
        faults.append(f"{setting.name} {said}: {setting.meaning}")
        return None


def _parsed(source: FileAwareEnv, setting: Setting, given: Any, *, is_given: bool) -> Any:
    """The typed value; ValueError or EnvError where it is none, or not one that may be chosen."""
    if parser := PARSERS.get(setting.kind):
        return parser(given)
    value = getattr(source, setting.kind)(setting.name) if is_given else given
    if (choices := CHOICES.get(setting.name)) and value not in choices:
        raise ValueError("choice")
    if (least := LEAST.get(setting.name)) is not None and value < least:
        raise ValueError("number")
    return value


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """Values that are fine alone and cannot work together."""
    faults: list[str] = []
    lease = values["WEBHOOK_LEASE_S"]
    if values["GRAPH_DEADLINE_S"] + values["REPLY_POLICY_BUDGET_S"] >= lease:
        faults.append(
            "GRAPH_DEADLINE_S + REPLY_POLICY_BUDGET_S must be less than WEBHOOK_LEASE_S: "
            "no call may outlive the claim it belongs to"
        )
    if values["REPLY_SETTLE_S"] >= lease:
        faults.append("REPLY_SETTLE_S must be less than WEBHOOK_LEASE_S")
    if bool(values["INSTAGRAM_ACCOUNT_ID"]) != bool(values["INSTAGRAM_ACCESS_TOKEN"]):
        faults.append("INSTAGRAM_ACCOUNT_ID and INSTAGRAM_ACCESS_TOKEN go together: set both or neither")
    faults += [
        f"{provider}_APP_SECRETS and {provider}_VERIFY_TOKEN go together: set both or neither"
        for provider in ("INSTAGRAM", "FACEBOOK", "WHATSAPP")
        if bool(values[f"{provider}_APP_SECRETS"]) != bool(values[f"{provider}_VERIFY_TOKEN"])
    ]
    return faults


def _unverifiable(values: Mapping[str, Any]) -> list[str]:
    """Any one of the app secrets will do, so none of them is required by itself."""
    if any(values[f"{provider}_APP_SECRETS"] for provider in ("INSTAGRAM", "FACEBOOK", "WHATSAPP")):
        return []
    return ["INSTAGRAM_APP_SECRETS is missing: without an app secret no webhook can be verified"]

"""
Every setting of this service: its name, its default and what it means.

`docs/settings.md` and `.env.example` are held against this list by a test. Values are read and
judged together, so a start with five faults names all five.
"""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from environs import EnvError, FileAwareEnv

from webhooks_project.setting_kinds import PARSERS
from webhooks_project.setting_rules import clashes, is_in_range, wanted
from webhooks_project.setting_shapes import SHAPES

REQUIRED = object()


class Misconfigured(Exception):
    """The settings cannot work; the message names every fault and what to do."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        lines = "\n".join(f"  - {fault}" for fault in faults)
        count = "1 setting" if len(faults) == 1 else f"{len(faults)} settings"
        super().__init__(f"{count} must be mended before the start:\n{lines}")


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
    Setting("ALERT_WEBHOOK_URL", "str", "", "alerts are posted here, at most one message a minute", None, True),
    Setting(
        "ALERT_WEBHOOK_SECRET", "signing", "", "and signed with this: whsec_ and base64 of 24 to 64 bytes", None, True
    ),
    Setting("ALERT_EMAILS", "words", "", "and mailed to these addresses (mail server: EMAIL_URL)"),
    Setting("ALERT_HEAD_AGE_S", "float", 900.0, "alert: a conversation has waited for so long (0: never, as below)"),
    Setting("ALERT_OLDEST_S", "float", 300.0, "alert: no worker has taken what was due for so long"),
    Setting("ALERT_DEATHS_A_MINUTE", "int", 20, "alert: more dead letters than this within a minute"),
    Setting("ALERT_REFUSED_A_MINUTE", "int", 20, "alert: more refused signatures than this in a minute"),
    Setting("ALERT_ACCOUNT_SILENT_S", "float", 0.0, "alert: an account has sent nothing for so long"),
    Setting("DESK_URL", "str", "", "https://… of this service as people reach it: alerts link to its pages"),
    Setting("EMAIL_URL", "str", "", "smtp://user:password@host:port (default: mails go to the log)", None, True),
    Setting("SECOND_FACTOR", "str", "off", "off; operators: of whoever may act or open words; all: of all staff"),
    Setting("API_RATE", "rate", "600/min", "requests of one user of the API in a span of s, min, h or day"),
    Setting("API_RATE_UNKNOWN", "rate", "60/min", "the same of one address without a valid token"),
    Setting("HOST", "str", "127.0.0.1", "where the web process listens"),
    Setting("PORT", "int", 8000, "where the web process listens"),
    Setting("WEB_CONCURRENCY", "int", 1, "web processes"),
    Setting("WORKER_CONCURRENCY", "int", 5, "slots of a worker process"),
    Setting("WORKER_POOL", "str", "threads", "threads or prefork"),
    Setting("LOG_LEVEL", "str", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
    Setting("LOG_FORMAT", "str", "json", "json or console", "console"),
    Setting("METRICS_TOKEN", "str", "", "what a scraper of /metrics brings (empty: web has no such page)", None, True),
    Setting("METRICS_PORT", "int", 0, "where each worker has a /metrics of its own, at HOST (0: nowhere)"),
    Setting("PROXY_ADDRESS_HEADER", "str", "", "header in which a trusted proxy names the client (X-Real-IP)"),
    Setting("PROXY_SSL_HEADER", "str", "", "header in which a trusted proxy says https (X-Forwarded-Proto)"),
)


PREFIXES = tuple(
    f"{word}_"
    for word in ("INSTAGRAM", "FACEBOOK", "WHATSAPP", "WEBHOOK", "GRAPH", "REPLY", "ACK", "ALERT", "WORKER", "DESK",
                 "SECOND", "PROXY",
                 "METRICS", "API")
)  # fmt: skip
# A letter or a short ending may be wrong. Below this, names of others (INSTAGRAM_APP_ID) would hinder a start.
LIKENESS = 0.85


def read() -> dict[str, Any]:
    """The value of every setting by name; raises Misconfigured with all faults at once.

    Each NAME may be given as NAME_FILE instead: the value is then read from that file. An empty
    value counts as none.
    """
    source = FileAwareEnv(strip_whitespace=True)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for setting in SETTINGS:
        is_development = values.get("DJANGO_DEBUG", False)  # the first one of them
        try:
            values[setting.name] = _read_one(source, setting, is_development=is_development)
        except ValueError as exc:
            faults.append(f"{setting.name}{exc}")
    faults += clashes(values)
    faults += [f"{name} is no setting: did you mean {meant}?" for name, meant in misspelt(os.environ).items()]
    if faults:
        raise Misconfigured(faults)
    return values


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that carry one of our prefixes and nearly the name of a setting, each with that name."""
    known = [setting.name for setting in SETTINGS]
    meant: dict[str, str] = {}
    for name in sorted(name for name, value in environ.items() if value and name.startswith(PREFIXES)):
        word = name.removesuffix("_FILE")
        if word not in known and (near := get_close_matches(word, known, n=1, cutoff=LIKENESS)):
            meant[name] = near[0] + name[len(word) :]
    return meant


def _read_one(source: FileAwareEnv, setting: Setting, *, is_development: bool) -> Any:
    """The value; ValueError with the rest of a sentence that the name begins."""
    default = setting.default
    if is_development and setting.development is not None:
        default = setting.development
    given = _given(source, setting.name)
    if given == "" and default is REQUIRED:
        raise ValueError(f" is missing: {setting.meaning}")
    try:
        return _parsed(source, setting, given or default, is_given=given != "")
    except ValueError as exc:
        raise ValueError(f" {exc}") from None


def _given(source: FileAwareEnv, name: str) -> str:
    """The text as it stands in the environment or in a file."""
    is_in_file = bool(os.environ.get(f"{name}_FILE"))
    if is_in_file and os.environ.get(name):
        raise ValueError(f" and {name}_FILE are both set: keep one")
    try:
        return source.str(name, "")
    except (OSError, ValueError):  # environs turns some errors of the system into ValueError, but not all
        raise ValueError("_FILE names a file that cannot be read") from None


def _parsed(source: FileAwareEnv, setting: Setting, given: Any, *, is_given: bool) -> Any:
    """The typed value; ValueError where it is none, or not one that may be chosen."""
    if parser := PARSERS.get(setting.kind):
        value = parser(given)
    else:
        try:
            value = getattr(source, setting.kind)(setting.name) if is_given else given
        except EnvError:  # it quotes the value
            raise ValueError(wanted(setting.name, setting.kind)) from None
    if not is_in_range(setting.name, value):
        raise ValueError(wanted(setting.name, setting.kind))
    if given != "" and (check := SHAPES.get(setting.name)):
        check(value)
    return value

"""The knobs of this app, as one frozen object; the roof builds it from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from instagram_webhooks.events import Provider


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Every knob of this app. A name ending _s is seconds, _days is days."""

    encryption_keys: Mapping[str, bytes] = field(repr=False)  # by key id, newest first; 32 bytes each
    lookup_key: bytes = field(repr=False)
    app_secrets: Mapping[Provider, tuple[str, ...]] = field(repr=False)  # newest first
    verify_tokens: Mapping[Provider, str] = field(repr=False)
    first_account_id: str = ""
    first_account_token: str = field(default="", repr=False)
    graph_api_url: str = ""
    graph_api_version: str = "v25.0"
    graph_deadline_s: float = 20.0
    replies: Literal["on", "off", "shadow"] = "on"
    reply_policy: str = "instagram_webhooks.replies.policy.acknowledge"
    reply_policy_budget_s: float = 20.0
    ack_text: str = ""
    ack_cooldown_s: float = 43200.0
    human_pause_s: float = 43200.0
    reply_settle_s: float = 15.0
    first_pause_s: float = 10.0
    longest_pause_s: float = 300.0
    max_attempts: int = 3
    retry_delays_s: tuple[float, ...] = (60.0, 300.0, 900.0)
    lease_s: float = 90.0
    sweep_interval_s: float = 5.0
    dispatch_gate_s: float = 30.0
    worker_silent_s: float = 10.0
    queue_limit: int = 10_000
    key_memory_days: int = 90
    worker_concurrency: int = 5
    desk_url: str = ""  # where people reach the admin; "": alerts name its pages by their path
    # Bars of alarms; 0: none.
    alert_head_age_s: float = 900.0
    alert_oldest_s: float = 300.0
    alert_deaths_a_minute: int = 20
    alert_refused_a_minute: int = 20
    alert_account_silent_s: float = 0.0
    metrics_token: str = field(default="", repr=False)  # empty: web has no /metrics
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0  # of a worker's own /metrics; 0: it has none

    def delay_s(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt` (from 1) has failed; the last step repeats."""
        return self.retry_delays_s[min(attempt, len(self.retry_delays_s)) - 1]


QUEUE = "webhook-processing"
UPKEEP_QUEUE = "upkeep"
BODY_LIMIT_BYTES = 4 * 1024 * 1024  # Meta documents bodies of 3 MB
REPLY_WINDOW_S = 24 * 3600.0  # Meta takes no later answer; the window opens with the customer's message


@cache
def conf() -> WebhookSettings:
    """The settings in force. Kept: to ask Django's each time took a seventh of the door's time for large POSTs."""
    found: WebhookSettings = settings.WEBHOOKS
    return found


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    """Tests change settings."""
    if setting == "WEBHOOKS":
        conf.cache_clear()

"""What the description of the API says of the whole; audit/rest/schema.py says it of each operation."""

from typing import Any

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Instagram webhooks",
    "VERSION": "1",
    "DESCRIPTION": "Events, dead letters and what is done about them. Nothing that is answered is personal data.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "Provider": "instagram_webhooks.events.PROVIDERS",
        "EventState": "instagram_webhooks.states.EventState",
        "ReplyState": "instagram_webhooks.states.ReplyState",
        "AccountState": "instagram_webhooks.models.AccountState",
        "DeadLetterStatus": "dead_letters.models.Status",
        "CauseState": "dead_letters.models.CauseState",
        "ReplayBatchState": "dead_letters.models.BatchState",
        "ReplayItemOutcome": "dead_letters.models.ItemOutcome",
    },
}

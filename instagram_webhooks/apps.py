"""What this app ties together at start."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class InstagramWebhooksConfig(AppConfig):
    name = "instagram_webhooks"
    verbose_name = "Instagram webhooks"

    def ready(self) -> None:
        """Registers the system checks and the slot through which dead letters come back to work."""
        from dead_letters import subject
        from instagram_webhooks import checks  # noqa: F401
        from instagram_webhooks.desk.people import log_ins  # noqa: F401
        from instagram_webhooks.replies.proof import AnsweredEvent

        subject.register(AnsweredEvent.KIND, AnsweredEvent())
        post_migrate.connect(_connect_first_account, sender=self)


def _connect_first_account(**_: Any) -> None:
    from instagram_webhooks.replies.first_account import ensure_first_account

    ensure_first_account()

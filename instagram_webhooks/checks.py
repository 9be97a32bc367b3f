"""System checks: what `manage.py check --deploy` says of this app's settings."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from instagram_webhooks.conf import conf
from instagram_webhooks.replies.policy_check import fault_of


@register(Tags.compatibility)
def reply_policy(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """The reply policy can be imported and called."""
    fault = fault_of(conf().reply_policy)
    return [fault] if fault else []


@register(Tags.security, deploy=True)
def deployment(app_configs: Any, **_: Any) -> Sequence[CheckMessage]:
    """What is fine for development and not for a server."""
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(
            Error(
                "DJANGO_DEBUG is on: stand-in secrets are in use.",
                hint="Unset it.",
                id="instagram_webhooks.E003",
            )
        )
    if conf().graph_api_url and not conf().graph_api_url.startswith("https://"):
        found.append(
            Warning(
                "GRAPH_API_URL is no https address: tokens and messages would travel in the open.",
                hint="Unset GRAPH_API_URL to reach Meta itself.",
                id="instagram_webhooks.W001",
            )
        )
    return found

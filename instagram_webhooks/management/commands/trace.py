"""Where is my message? From the command line."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from instagram_webhooks.desk import trace
from instagram_webhooks.desk.command import DeskCommand
from instagram_webhooks.desk.event import shown
from instagram_webhooks.desk.telling import told
from instagram_webhooks.models import WebhookEvent


class Command(DeskCommand):
    help = "Tell all that happened to a message. Nothing printed is personal data: it may go into a ticket."
    example = "aWdfZAG1faXRlbToxOk --json"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key", metavar="KEY", help=f"{trace.LOOKED_FOR}: the id of any of these")
        parser.add_argument("--json", action="store_true", help="print only JSON, for programs")

    def handle(self, *_: Any, **options: Any) -> None:
        """Prints what is known; exit code 1 where nothing is."""
        found = trace.find(options["key"])
        events = shown(found.events, timeline=True)
        if options["json"]:
            self.stdout.write(json.dumps({"query": options["key"], "events": events}, indent=2))
        elif events:
            self.stdout.write("\n\n".join(told(event) for event in events))
        if found.is_cut:
            self.stderr.write(f"There are more: these are the latest {trace.MOST} events.")
        if not events:
            raise CommandError(f"Nothing is known under this id ({trace.LOOKED_FOR} were looked for). {_next()}")


def _next() -> str:
    """What to look at when nothing came."""
    last = WebhookEvent.objects.order_by("-received_at", "-event_id").values_list("received_at", flat=True).first()
    if last is None:
        return "No webhook was ever received: check callback address and subscription in Meta's dashboard."
    minutes = max(0, (timezone.now() - last).total_seconds() / 60)
    return (
        f"The last webhook came {minutes:.0f} min ago ({last:%Y-%m-%d %H:%M:%S} UTC). Check that the id is "
        "whole, that the log of that time has no `webhook.rejected` or `webhook.not_stored`, and that the "
        "message does not lie in the message requests of Meta's app."
    )

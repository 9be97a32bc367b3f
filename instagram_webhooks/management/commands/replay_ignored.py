"""Ignored events back to work, for a handler that came later."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db import transaction
from django.db.models import Exists, OuterRef

from instagram_webhooks.desk.command import DeskCommand, reason
from instagram_webhooks.inbox.replay import replay_ignored
from instagram_webhooks.inbox.wake_ups import publisher
from instagram_webhooks.models import EventPayload, WebhookEvent
from instagram_webhooks.states import EventState

AT_ONCE = 500


class Command(DeskCommand):
    help = "Send ignored events back to work, oldest first, for a handler that came later; prints how many."
    example = '--reason no_handler --kind comment --why "comments are answered since release 12"'

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="why they were ignored: no_handler, …")
        parser.add_argument("--kind", help="only events of this kind")
        parser.add_argument("--why", required=True, type=reason, help="why now; it goes into the audit log")

    def handle(self, *_: Any, **options: Any) -> None:
        """Replays in batches; exit code 1 where no event was ignored for that reason."""
        # Chosen once: an event that is ignored again meanwhile is not replayed again.
        chosen = _chosen(options["reason"], options["kind"])
        if not chosen:
            raise CommandError("No ignored event matches, or their payloads are gone: check --reason and --kind.")
        count = 0
        for begin in range(0, len(chosen), AT_ONCE):
            with transaction.atomic():
                count += len(replay_ignored(chosen[begin : begin + AT_ONCE], reason=options["why"], actor="manage.py"))
        publisher.flush()
        self.stdout.write(f"{count} event{'' if count == 1 else 's'} went back to work.")


def _chosen(ignored_for: str, kind: str | None) -> list[UUID]:
    """In the order of their lanes; an event without its payload would only die."""
    payload = EventPayload.objects.filter(event_id=OuterRef("event_id"))
    events = WebhookEvent.objects.filter(Exists(payload), state=EventState.IGNORED, reason=ignored_for)
    if kind is not None:
        events = events.filter(kind=kind)
    return list(events.order_by("order_at", "received_at", "place", "event_id").values_list("event_id", flat=True))

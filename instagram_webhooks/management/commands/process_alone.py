"""One event in this process alone: what a worker starts for an event that workers were lost over."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from instagram_webhooks.worker import cell


class Command(BaseCommand):
    help = "For workers: work off one event that this worker's parent process has claimed. Not for people."
    requires_system_checks = ()  # it is waited for

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event_id", type=UUID)
        parser.add_argument("fence", type=int)
        parser.add_argument("parent", type=int, help="id of the process that has the claim")
        parser.add_argument("limit_s", type=float, help="seconds until it is ended")
        parser.add_argument("notes", type=int, help="number of the open pipe on which it says how far it came")

    def handle(self, *_: Any, **options: Any) -> None:
        """Ends the process."""
        cell.run(
            options["event_id"],
            options["fence"],
            parent=options["parent"],
            limit_s=options["limit_s"],
            notes=options["notes"],
        )

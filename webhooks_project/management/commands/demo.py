"""The whole service on this machine, told as a story."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from webhooks_project.demo.run import run


class Command(BaseCommand):
    help = "Run the whole service on this machine and tell what happens. Needs no settings."
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        return super().create_parser(
            prog_name, subcommand, epilog=f"Example: {prog_name} {subcommand} --once", **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="end by itself when the story has come true")

    def handle(self, *_: Any, **options: Any) -> None:
        """Exit code 0 when the story came true, 1 with the reason when not."""
        sys.exit(run(once=options["once"]))

"""What the commands of this app share: an example in their help, and a sentence when the database is away."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from instagram_webhooks.inbox.line import DATABASE_FAILED

Value = TypeVar("Value")


class DeskCommand(BaseCommand):
    """example: the words after the command's name in the example of `--help`."""

    example: ClassVar[str]

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        epilog = f"Example: {prog_name} {subcommand} {self.example}"
        return super().create_parser(prog_name, subcommand, epilog=epilog, **kwargs)

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except DATABASE_FAILED as exc:
            raise CommandError("The database does not answer: check DATABASE_URL and that PostgreSQL runs.") from exc
        except ProgrammingError as exc:
            raise CommandError("The database lacks a table or column: run manage.py migrate.") from exc


def within(least: int, most: int) -> Callable[[str], int]:
    """An argument's type: a whole number from `least` to `most`."""

    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            raise ArgumentTypeError(f"a whole number from {least} to {most} is wanted, not {text!r}")
        return int(text)

    return number


def reason(text: str) -> str:
    """An argument's type: why something is done, in the words of whoever does it."""
    if not 1 <= len(text.strip()) <= 500 or "\0" in text:
        raise ArgumentTypeError("say why in 1 to 500 characters; it goes into the audit log")
    return text.strip()

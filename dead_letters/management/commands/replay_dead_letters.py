"""Dead letters back to work from the command line."""

import uuid
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.log import REASON_LIMIT
from dead_letters import review
from dead_letters.models import DeadLetter, Status


class Command(BaseCommand):
    help = "Send the subjects of dead letters back to work; prints what it did, item by item."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        example = f'{prog_name} {subcommand} --reason "token renewed" --code graph_refused --dry-run'
        return super().create_parser(prog_name, subcommand, epilog=f"Example: {example}", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, type=_reason, help="why; it goes into the audit log")
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--id", nargs="+", type=_letter_id, metavar="ID", help="dead letters by their ids")
        chosen.add_argument("--code", help="all open ones with this error code")
        chosen.add_argument("--all", action="store_true", help="all open ones")
        parser.add_argument("--dry-run", action="store_true", help="only say which ones")

    def handle(self, *_: Any, **options: Any) -> None:
        """Replay what was chosen; exit code 1 where nothing was chosen or an item was left."""
        ids = _chosen(options)
        if not ids:
            raise CommandError("No open dead letter matches: nothing was replayed. Check --code, or use --all.")
        if options["dry_run"]:
            for letter in DeadLetter.objects.filter(pk__in=ids).order_by("created_at"):
                self.stdout.write(f"{letter.pk}  would be replayed  {letter.code}  event {letter.subject_id}")
            self.stdout.write(f"Dry run: {len(ids)} would be replayed, nothing was changed.")
            return
        left = sum(not self._replay(letter_id, options["reason"]) for letter_id in ids)
        self.stdout.write(f"{len(ids) - left} replayed, {left} left.")
        if left:
            was = "was" if left == 1 else "were"
            raise CommandError(f"{left} of {len(ids)} {was} not replayed; the lines above say why.")

    def _replay(self, letter_id: uuid.UUID, reason: str) -> bool:
        (outcome,) = review.replay([letter_id], reason=reason, actor="manage.py")
        self.stdout.write(f"{letter_id}  {'replayed' if outcome.is_done else f'left: {outcome.why}'}")
        return outcome.is_done


def _reason(value: str) -> str:
    if not 1 <= len(value.strip()) <= REASON_LIMIT:
        raise ArgumentTypeError(f"say why in 1 to {REASON_LIMIT} characters; it goes into the audit log")
    return value


def _letter_id(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        wanted = "the id of a dead letter is wanted, such as 01a2185a-fb18-797d-92a6-9f0a41409415"
        raise ArgumentTypeError(f"{wanted}, not {value!r}") from None


def _chosen(options: dict[str, Any]) -> list[uuid.UUID]:
    """The chosen letters, oldest of their lane first; unknown ids stay in, so that they are reported."""
    if options["id"]:
        return review.oldest_first(options["id"])
    open_ones = DeadLetter.objects.filter(status=Status.OPEN)
    if options["code"] is not None:
        open_ones = open_ones.filter(code=options["code"])
    return review.oldest_first(list(open_ones.values_list("id", flat=True)))

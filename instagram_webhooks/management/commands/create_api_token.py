"""A token for the REST API."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import transaction
from knox.models import AuthToken

from audit.log import record
from instagram_webhooks.desk.command import DeskCommand, within


class Command(DeskCommand):
    help = "Print a new API token of a user, and nothing else. It is shown this once."
    example = "anna --days 30"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", metavar="USER", help="the name of a user who exists already")
        parser.add_argument(
            "--days", type=within(1, 3650), default=90, help="how long it is good for (default: %(default)s)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Prints the token; exit code 1 where the user is unknown or may not log in."""
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(
                "There is no user of this name: make one in the admin, or with manage.py createsuperuser."
            )
        if not user.is_active:
            raise CommandError("This user may not log in: set it active in the admin first.")
        with transaction.atomic():
            _, token = AuthToken.objects.create(user=user, expiry=timedelta(days=options["days"]))
            record("api_token.created", subject_id=None, actor="manage.py",
                   detail={"user_id": user.pk, "days": options["days"]})  # fmt: skip
        self.stdout.write(token)

"""
Tables, subscription, login and API token of the demo; a process of its own, since it needs the settings.

    python -m webhooks_project.demo.seed < password        prints the token; the demo sets its environment
"""

import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command

from webhooks_project.demo.variables import ACCOUNT, LOGIN, OTHERS, TOKEN


def main() -> None:
    """Migrates, subscribes, makes the login with the password from standard input, prints a new token."""
    django.setup()
    from instagram_webhooks.desk import accounts, connection  # they have models
    from instagram_webhooks.models import Account

    call_command("migrate", verbosity=0, interactive=False)
    user, _ = get_user_model().objects.get_or_create(username=LOGIN, defaults={"is_staff": True, "is_superuser": True})
    user.set_password(sys.stdin.readline().strip())
    user.save()
    connection.subscribe(connection.destination(ACCOUNT, TOKEN), [])
    for provider, account_id in OTHERS.items():
        if not Account.objects.filter(provider=provider, account_id=account_id).exists():
            accounts.save(Account(provider=provider, account_id=account_id), token=TOKEN, actor=LOGIN)
    call_command("create_api_token", LOGIN, days=1)


if __name__ == "__main__":
    main()

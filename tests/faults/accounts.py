"""
Connects accounts to the product, or puts them right after their token was refused, as an operator would.

    python -m tests.faults.accounts < accounts.json        {"id": "token", …}
"""

import json
import sys

import django

ACTOR = "faults"


def connect(tokens):
    """Gives each account its token and sets what is parked for it free."""
    from instagram_webhooks.desk import accounts
    from instagram_webhooks.models import Account
    from instagram_webhooks.replies import pause

    for id_, token in tokens.items():
        account = Account.objects.filter(provider="instagram", account_id=id_).first()
        account = account or Account(provider="instagram", account_id=id_)
        accounts.save(account, token=token, actor=ACTOR)
        pause.release(account, actor=ACTOR, reason="token")


if __name__ == "__main__":
    django.setup()
    connect(json.load(sys.stdin))

"""The account that the settings name, for a service that nobody has opened the admin of."""

from django.db import transaction

from audit.log import record
from instagram_webhooks.conf import conf
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.replies import pause
from instagram_webhooks.vault import digest


def ensure_first_account() -> None:
    """Connects the account that the settings name, and takes over a token that changed there."""
    account_id, token = conf().first_account_id, conf().first_account_token
    if not account_id:
        return
    taken = digest("settings_token", token)
    known = Account.objects.filter(provider="instagram", account_id=account_id)
    if known.filter(settings_token=taken).exists():
        return
    Account.objects.bulk_create([Account(provider="instagram", account_id=account_id)], ignore_conflicts=True)
    account = known.get()
    account.set_token(token)
    with transaction.atomic():
        # Several processes start at once; one of them takes it over.
        is_first = known.exclude(settings_token=taken).update(
            sealed_token=account.sealed_token, settings_token=taken, state=AccountState.ACTIVE, state_since=None
        )
        if not is_first:
            return
        record("account.connected", subject_id=account.pk, provider="instagram", detail={"account": account_id})
    pause.release(account, actor="system", reason="token from the settings")

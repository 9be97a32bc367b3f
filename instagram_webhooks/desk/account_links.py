"""An account on the page of something else: by its label, and leading to its own page."""

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.safestring import SafeString

from audit.pages import marks
from instagram_webhooks.models import Account

_PAGE = "admin:instagram_webhooks_account_change"


def add_accounts(rows: Sequence[Any]) -> None:
    """Gives each row (of events, or of conversations) the account that it is of, or None; one query."""
    known = Account.objects.filter(account_id__in={row.account for row in rows if row.account})
    by_ids = {(each.provider, each.account_id): each for each in known}
    for row in rows:
        row.account_of_it = by_ids.get((row.provider, row.account))


def linked(row: Any) -> SafeString | str:
    """Its account by label and id; by its id alone where it was never connected."""
    if not hasattr(row, "account_of_it"):
        add_accounts([row])
    account: Account | None = row.account_of_it
    if account is None:
        return marks.short_id(row.account)
    words = account.label or account.account_id
    link = marks.link(reverse(_PAGE, args=[account.pk]), words)
    return marks.under(link, marks.short_id(account.account_id) if account.label else "")

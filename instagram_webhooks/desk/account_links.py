"""An account on the page of something else: by its label, and leading to its own page."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString

from audit.pages import marks
from instagram_webhooks.models import Account

_PAGE = "admin:instagram_webhooks_account_change"


def add_accounts(rows: Sequence[Any], allowed: Callable[[str], bool]) -> None:
    """Gives each row (of events, or of conversations) the account that it is of; None where that may not be seen."""
    ids = {row.account for row in rows if row.account} if allowed("instagram_webhooks.view_account") else set()
    known = Account.objects.filter(account_id__in=ids).only("provider", "account_id", "label")
    by_ids = {(each.provider, each.account_id): each for each in known}
    for row in rows:
        row.account_of_it = by_ids.get((row.provider, row.account))


class AccountColumns:
    """Of an admin whose rows were given their accounts."""

    @admin.display(description="account")
    def whose(self, row: Any) -> SafeString | str:
        return _linked(row, marks.short_id(row.account))

    @admin.display(description="account")
    def whole_account(self, row: Any) -> SafeString | str:
        return _linked(row, marks.whole_id(row.account))


def _linked(row: Any, shown: SafeString | str) -> SafeString | str:
    """Its account by label and id; by its id alone where there is none to be seen."""
    account: Account | None = row.account_of_it
    if account is None:
        return shown
    link = marks.link(reverse(_PAGE, args=[account.pk]), account.label or account.account_id)
    return marks.under(link, shown if account.label else "")

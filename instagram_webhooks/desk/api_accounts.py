"""Accounts over REST: how each stands, and what is parked for it back to work. Never a token."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from rest_framework import generics, status
from rest_framework.request import Request

from audit.rest.filters import Filter
from audit.rest.views import ActView, ApiView, ListView
from instagram_webhooks.desk import accounts
from instagram_webhooks.desk.serializers import AccountSerializer
from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.inbox import moves
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.replies import pause


class _OfAccounts(ApiView, generics.GenericAPIView[Account]):
    """What all views of accounts have in common."""

    queryset = Account.objects.defer("sealed_token")
    serializer_class = AccountSerializer
    rights = ("instagram_webhooks.view_account",)
    act_rights = ("instagram_webhooks.change_account", "instagram_webhooks.view_account")

    def with_parked(self, rows: Sequence[Account]) -> Sequence[Any]:
        """As they are answered; one query for any number of accounts."""
        parked = accounts.parked_counts([row.pk for row in rows])
        return list(AccountSerializer(rows, many=True, context={"parked": parked}).data)


class AccountList(_OfAccounts, ListView[Account]):
    """Accounts, the newest first."""

    order = ("-id",)
    time = "created_at"
    filters = (
        Filter(name="state", means="whether it can be worked for", choices=AccountState.values),
        Filter(name="provider", means="where it is", choices=PROVIDERS),
        Filter(name="account", means="Meta's id", column="account_id"),
    )

    def told(self, rows: list[Account]) -> Sequence[Any]:
        return self.with_parked(rows)


class AccountDetail(_OfAccounts, generics.RetrieveAPIView[Account]):
    """One account."""

    def get_serializer_context(self) -> dict[str, Any]:
        parked = accounts.parked_counts([self.kwargs["pk"]]) if "pk" in self.kwargs else {}
        return {**super().get_serializer_context(), "parked": parked}


class AccountRelease(_OfAccounts, ActView[Account]):
    """Makes an account active again, and sends what is parked for it back to work, in order."""

    done = status.HTTP_202_ACCEPTED

    def answer(self, request: Request) -> Any:
        account, said = self.get_object(), self.said(request)
        pause.activate(account, actor=request.user.get_username(), reason=said["reason"])
        # After the commit, 500 a transaction. Where this process dies before, the upkeep of the workers does it.
        transaction.on_commit(lambda: moves.release(account.provider, account.account_id), robust=True)
        return self.with_parked([self.get_object()])[0]

"""Accounts over REST: how each stands, and what is parked for it back to work. Never a token."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import generics, status
from rest_framework.request import Request

from audit.rest.bodies import Number, ReasonBody
from audit.rest.filters import Filter
from audit.rest.problems import Conflict
from audit.rest.views import ActView, ApiView, ListView
from instagram_webhooks.desk import account_acts, accounts
from instagram_webhooks.desk.serializers import AccountSerializer
from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.inbox import moves
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.replies import by_hand, pause


class _OfAccounts(ApiView, generics.GenericAPIView[Account]):
    """What all views of accounts have in common."""

    queryset = Account.objects.defer("sealed_token")
    serializer_class = AccountSerializer
    rights = ("instagram_webhooks.view_account",)
    act_rights = account_acts.RIGHTS

    def with_parked(self, rows: Sequence[Account]) -> Sequence[Any]:
        """As they are answered; two queries for any number of accounts."""
        return list(AccountSerializer(rows, many=True, context=_beside(rows)).data)


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
        rows = self.queryset.filter(pk=self.kwargs["pk"]) if "pk" in self.kwargs else ()
        return {**super().get_serializer_context(), **_beside(rows)}


class AccountRelease(_OfAccounts, ActView[Account]):
    """Makes an account active again, and sends what is parked for it back to work, in order."""

    done = status.HTTP_202_ACCEPTED

    def answer(self, request: Request) -> Any:
        account, said = self.get_object(), self.said(request)
        pause.activate(account, actor=request.user.get_username(), reason=said["reason"])
        # After the commit, 500 a transaction. Where this process dies before, the upkeep of the workers does it.
        transaction.on_commit(lambda: moves.release(account.provider, account.account_id), robust=True)
        return self.with_parked([self.get_object()])[0]


class PauseBody(ReasonBody):
    """For how long nothing is sent for an account, and why."""

    hours = Number(min_value=1, max_value=24, help_text="From now on; a longer pause stays.")


class AccountPause(_OfAccounts, ActView[Account]):
    """Sends nothing for an account for a while. Messages are stored and answers decided."""

    body_class = PauseBody

    def answer(self, request: Request) -> Any:
        account, said = self.get_object(), self.said(request)
        if (
            by_hand.pause(account, hours=said["hours"], actor=request.user.get_username(), reason=said["reason"])
            is None
        ):
            raise Conflict("Nothing was changed: it is paused for as long already. Resume it to end that sooner.")
        return self.with_parked([self.get_object()])[0]


class AccountResume(_OfAccounts, ActView[Account]):
    """Ends the pause of an account, also one that failures made."""

    def answer(self, request: Request) -> Any:
        account, said = self.get_object(), self.said(request)
        if not by_hand.resume(account, actor=request.user.get_username(), reason=said["reason"]):
            raise Conflict("Nothing was changed: it is not paused.")
        return self.with_parked([self.get_object()])[0]


def _beside(rows: Sequence[Account] | QuerySet[Account]) -> dict[str, Any]:
    known = list(rows)
    return {"parked": accounts.parked_counts([row.pk for row in known]), "heard": accounts.heard_at(known)}

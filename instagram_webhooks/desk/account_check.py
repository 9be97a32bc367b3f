"""All that can be checked of a connected account without changing anything, here or at Meta."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

from instagram_webhooks.desk import connection
from instagram_webhooks.desk.findings import Finding, fine, wrong
from instagram_webhooks.errors import PayloadSealBroken, WebhookError
from instagram_webhooks.events import Provider
from instagram_webhooks.models import Account, AccountState
from instagram_webhooks.replies import graph_api

CALLS = 2
_PARKED = {
    AccountState.TOKEN: "Give it a new token; where Meta takes the old one again, release its events.",
    AccountState.BLOCKED: "See its status in Meta's app, and release it when the block is lifted.",
}


def checks(account: Account, token: str = "", *, within_s: float | None = None) -> Iterator[Finding]:
    """One finding after the other, as Meta answers.

    token: to be checked instead of the stored one.
    within_s: what each of at most CALLS calls may take; None: GRAPH_DEADLINE_S.
    """
    state = AccountState(account.state)
    if state is not AccountState.ACTIVE:
        yield wrong("State", f"{state.label}; its events are parked.", _PARKED[state])
    try:
        token = token or account.token()
    except PayloadSealBroken as exc:
        yield connection.refusal("Token", exc)
        return
    if not token:
        yield wrong("Token", "none is stored.", "Enter one: without it nothing is sent.")
        return
    yield from (_instagram if account.provider == "instagram" else _of_graph)(account, token, within_s)
    yield connection.expiry(account.token_expires_at, datetime.now(UTC))


def _instagram(account: Account, token: str, within_s: float | None) -> Iterator[Finding]:
    about = "Token"
    try:
        for finding in connection.asked(account.account_id, token, within_s=within_s):
            yield finding
            about = "Subscription"
    except WebhookError as exc:
        yield connection.refusal(about, exc)


def _of_graph(account: Account, token: str, within_s: float | None) -> Iterator[Finding]:
    """Of a Page or a number: whether the token may read it. Its subscription stands in Meta's dashboard."""
    provider = cast("Provider", account.provider)
    to = graph_api.Destination(provider=provider, account=account.account_id, partner="", token=token)
    try:
        graph_api.read(to, account.account_id, within_s=within_s, fields="id")
        yield fine("Token", "Meta takes it for this account.")
    except WebhookError as exc:
        yield connection.refusal("Token", exc, provider)

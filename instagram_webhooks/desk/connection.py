"""Checks of a connection to Instagram, each a finding in words, and what a check needs from Meta."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from instagram_webhooks.conf import conf
from instagram_webhooks.desk.findings import Finding, fine, unsure, wrong
from instagram_webhooks.errors import (
    AccountBlocked,
    GraphRefused,
    GraphThrottled,
    GraphThrottledFor,
    GraphUnreachable,
    PayloadSealBroken,
    TokenRefused,
    WebhookError,
)
from instagram_webhooks.events import Provider
from instagram_webhooks.replies import graph_api
from instagram_webhooks.replies.graph_api import Destination

NEEDED = "messages"
# The names of Meta's Instagram webhooks page. Echoes come with `messages`, or as a field of their own.
FIELDS = (
    *("messages", "message_edit", "message_reactions", "messaging_postbacks", "messaging_seen"),
    *("messaging_referral", "messaging_optins", "messaging_handover", "comments", "live_comments"),
)
_PERMISSIONS: Mapping[Provider, str] = {
    "instagram": "instagram_business_basic, instagram_business_manage_messages",
    "facebook": "pages_messaging",
    "whatsapp": "whatsapp_business_messaging",
}
EXPIRES_SOON = timedelta(days=10)
_APP_SECRET = re.compile(r"[0-9a-f]{32}")
_TWO_SECRETS = (
    "An app has two. The Meta app secret (App settings > Basic) signs webhooks of apps with Facebook Login, "
    "the Instagram app secret (Instagram > API setup) those of apps with Instagram Login. Meta's pages leave "
    "it open, so set both, comma separated: each is tried. With LOG_LEVEL=DEBUG the log line webhook.received "
    "says by secret_index which it was."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a token speaks for.

    account_id: as webhooks carry it (entry.id). app_scoped_id: as `/me?fields=id` gives it.
    """

    account_id: str
    app_scoped_id: str
    username: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What a refresh gave."""

    token: str = field(repr=False)
    expires_at: datetime


# --- settings ------------------------------------------------------------------------------------


def app_secrets() -> Finding:
    """Whether webhooks can be verified, and which secret signs what."""
    about, known = "App secrets", conf().app_secrets["instagram"]
    if not known:
        return wrong(about, "none is set, so every webhook is refused.", f"Set INSTAGRAM_APP_SECRETS. {_TWO_SECRETS}")
    if not all(_APP_SECRET.fullmatch(secret) for secret in known):
        said = "one does not look like Meta's (32 digits and letters a-f)."
        return unsure(about, said, f"Check INSTAGRAM_APP_SECRETS. {_TWO_SECRETS}")
    if len(known) == 1:
        return fine(about, "one is set.", _TWO_SECRETS)
    return fine(about, f"{len(known)} are set; each is tried, newest first.")


def verify_token() -> Finding:
    """Whether the handshake can succeed."""
    about, token = "Verify token", conf().verify_tokens["instagram"]
    if not token:
        said = "none is set, so the handshake is refused."
        return wrong(about, said, "Make up a long random word and set INSTAGRAM_VERIFY_TOKEN to it.")
    if len(token) < 16:
        return unsure(about, "it is short enough to be guessed.", "Use 16 characters or more.")
    return fine(about, "it is set. Enter the same word in Meta's dashboard; it is no secret of Meta's.")


# --- what Meta says ------------------------------------------------------------------------------


def speaks_for(token: str, *, within_s: float | None = None) -> Identity | None:
    """Who the token speaks for; None where Meta names no user_id. Raises what graph_api raises."""
    answer = graph_api.read(_me(token), "me", within_s=within_s, fields="user_id,id,username")
    if isinstance(answer, dict) and isinstance(answer.get("data"), list) and answer["data"]:
        answer = answer["data"][0]  # a form that Meta's page shows
    if not isinstance(answer, dict) or not answer.get("user_id"):
        return None
    named = {name: str(answer.get(name) or "") for name in ("user_id", "id", "username")}
    return Identity(account_id=named["user_id"], app_scoped_id=named["id"], username=named["username"])


def identity(found: Identity | None, account_id: str) -> Finding:
    """Whether the account's id is the one that webhooks carry."""
    about = "Account id"
    if found is None:
        said = "Meta takes the token and names no user_id: it is no token of Instagram Login."
        return wrong(about, said, "Make one in the dashboard: Instagram > API setup > Generate access tokens.")
    if account_id == found.account_id:
        return fine(about, f"{account_id} is the id that webhooks carry as entry.id.")
    if account_id == found.app_scoped_id:
        other = f"{account_id} is the id of /me?fields=id, which no webhook carries"
        said = f"{other}; entry.id is {found.account_id}."
        return wrong(about, said, f"Connect {found.account_id}: with the other id every event would stay parked.")
    said = f"the token speaks for {found.account_id}, not for {account_id}."
    return wrong(about, said, "Use the token of this account, or connect the other one.")


def refreshed(token: str) -> NewToken:
    """The token for 60 more days, and when they end. Raises what graph_api raises.

    Meta refreshes a long-lived token of Instagram Login that is 24 hours old and not expired.
    """
    answer = graph_api.read(_me(token), "refresh_access_token", grant_type="ig_refresh_token", access_token=token)
    given = answer if isinstance(answer, dict) else {}
    new, left_s = given.get("access_token"), given.get("expires_in")
    if not isinstance(new, str) or not isinstance(left_s, int) or isinstance(left_s, bool) or not new:
        raise GraphRefused
    return NewToken(token=new, expires_at=datetime.now(UTC) + timedelta(seconds=left_s))


def expiry(at: datetime | None, now: datetime) -> Finding:
    """How long the token still works, as far as that is known."""
    about = "Token expiry"
    if at is None:
        said = "not known. A long-lived token lives 60 days from the day it was made."
        return unsure(about, said, "Give the day with --expires, or enter it in the admin.")
    day = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if at <= now:
        return wrong(about, f"it ran out at {day}.", "Make a new token in Meta's dashboard and connect again.")
    left = f"it runs out at {day}, in {(at - now).days} days."
    if at - now < EXPIRES_SOON:
        return unsure(about, left, "Connect again with a refreshed or new token before that day.")
    return fine(about, left)


def subscribed_fields(to: Destination, *, within_s: float | None = None) -> list[str]:
    """The fields that Meta sends webhooks of for this account. Raises what graph_api raises."""
    answer: Any = graph_api.read(to, f"{to.account}/subscribed_apps", within_s=within_s)
    rows = answer.get("data") if isinstance(answer, dict) else None
    apps = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return sorted({str(name) for app in apps for name in app.get("subscribed_fields") or ()})


def subscription(fields: list[str], wanted: tuple[str, ...] = FIELDS) -> Finding:
    """Whether Meta sends what this service handles."""
    about, missing = "Subscription", [name for name in wanted if name not in fields]
    advice = "Subscribe: manage.py connect_instagram offers it."
    if not fields:
        return wrong(about, "none; Meta sends nothing for this account.", advice)
    if NEEDED in missing:
        return wrong(about, "`messages` is missing: no message arrives.", advice)
    if missing:
        return unsure(about, f"{len(fields)} fields; not subscribed: {', '.join(missing)}.")
    return fine(about, f"{len(fields)} fields, {', '.join(fields)}.")


def subscribe(to: Destination, fields: list[str], wanted: tuple[str, ...] = FIELDS) -> None:
    """Subscribes what is wanted beside what already is. Raises what graph_api raises."""
    graph_api.subscribe(to, ",".join([*fields, *(name for name in wanted if name not in fields)]))


def asked(account_id: str, token: str, *, within_s: float | None = None) -> Iterator[Finding]:
    """What Meta says of a connected account, one check after the other. Raises what graph_api raises."""
    found = speaks_for(token, within_s=within_s)
    yield fine("Token", "Meta takes it.")
    yield identity(found, account_id)
    yield subscription(subscribed_fields(destination(account_id, token), within_s=within_s))


def refusal(about: str, exc: WebhookError, provider: Provider = "instagram") -> Finding:
    """What it means here that Meta refused, said nothing, or was not asked because the token cannot be opened."""
    codes = [str(exc.facts[name]) for name in ("graph_code", "graph_subcode") if exc.facts.get(name) is not None]
    number = f" (code {'/'.join(codes)})" if codes else ""
    if isinstance(exc, PayloadSealBroken):  # Meta was not asked
        said = "the stored one cannot be opened: its key is not in ENCRYPTION_KEYS, or it was changed."
        return wrong("Token", said, "Put the key back, or give the account a new token.")
    if isinstance(exc, TokenRefused):
        return wrong(about, f"Meta refuses the token{number}.", "Copy it again, whole, or make a new one.")
    if isinstance(exc, AccountBlocked):
        return wrong(about, f"Meta has blocked the account{number}.", "See the account's status in Meta's app.")
    if isinstance(exc, GraphThrottled | GraphThrottledFor):
        return unsure(about, f"Meta asks to wait{number}.", "Run this again in an hour.")
    if isinstance(exc, GraphUnreachable):
        said = "the Graph API cannot be reached from this machine."
        host = graph_api.HOSTS[provider].removeprefix("https://")
        return wrong(about, said, f"Allow outgoing https to {host}; check GRAPH_API_URL if it is set.")
    if isinstance(exc, GraphRefused):
        advice = f"The token may lack a permission ({_PERMISSIONS[provider]})."
        return wrong(about, f"Meta refuses this{number}.", advice)
    return unsure(about, f"Meta gave no usable answer{number}.", "Run this again.")


def destination(account_id: str, token: str) -> Destination:
    """Whom a check speaks to Meta for."""
    return Destination(provider="instagram", account=account_id, partner="", token=token)


def _me(token: str) -> Destination:
    return destination("me", token)

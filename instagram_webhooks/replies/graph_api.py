"""
The border to Meta: one call, one answer, one error of our own. Nobody else speaks HTTP to Meta.

No call is ever repeated here: there is no idempotency key in the Graph API, so only the ledger
decides whether something is sent again.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from audit import correlation
from instagram_webhooks import metrics
from instagram_webhooks.conf import conf
from instagram_webhooks.errors import GraphFailed, GraphUnanswered, GraphUnreachable
from instagram_webhooks.events import Provider
from instagram_webhooks.replies import wire
from instagram_webhooks.replies.graph_errors import Refusal, error_of
from instagram_webhooks.replies.wire import ANY_TIME, Permit

HOSTS = {
    "instagram": "https://graph.instagram.com",
    "facebook": "https://graph.facebook.com",
    "whatsapp": "https://graph.facebook.com",
}
PLATFORMS = {"instagram": "instagram", "facebook": "messenger"}
ANSWER_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """To whom and for whom: `partner` and `token` are personal data and a secret."""

    provider: Provider
    account: str
    partner: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMessage:
    """A message in Meta's listing. `text` is None where Meta gives no details any more."""

    message_id: str = field(repr=False)
    created_at: datetime
    sender: str | None = field(repr=False)
    text: str | None = field(repr=False)


def send_text(to: Destination, text: str, *, reply_id: UUID, permit: Permit = ANY_TIME) -> str:
    """Meta's id of the message that was sent.

    reply_id: comes back in Messenger's echo and in WhatsApp's statuses; Instagram gives nothing back.
    permit: until when the first byte may leave; what its renewal raises passes through, with nothing sent.
    Raises GraphUnreachable (nothing was sent), OutcomeUnknown, and what the code of an answer means.
    """
    answer = _call(to, "POST", f"{to.account}/messages", permit=permit, body=_body(to, text, str(reply_id)))
    message_id = _message_id(answer)
    if message_id is None:
        raise GraphUnanswered("Meta took the message and named no id.", status=200)
    return message_id


def _body(to: Destination, text: str, own_id: str) -> dict[str, object]:
    if to.provider == "whatsapp":
        kind = {"messaging_product": "whatsapp", "recipient_type": "individual", "biz_opaque_callback_data": own_id}
        return kind | {"to": to.partner, "type": "text", "text": {"body": text}}
    message = {"text": text}
    body: dict[str, object] = {"recipient": {"id": to.partner}, "message": message}
    if to.provider == "facebook":
        message["metadata"] = own_id
        body["messaging_type"] = "RESPONSE"
    return body


def _message_id(answer: Any) -> str | None:
    """Of any of the three forms that Meta answers with."""
    if not isinstance(answer, dict):
        return None
    found = answer.get("message_id") or answer.get("id")
    if not found and isinstance(answer.get("messages"), list) and answer["messages"]:
        first = answer["messages"][0]
        found = first.get("id") if isinstance(first, dict) else None
    return found if isinstance(found, str) and found else None


def recent_messages(to: Destination, *, before_another: Callable[[], None] = lambda: None) -> list[ListedMessage]:
    """Both sides of the conversation, newest first; empty where Meta knows none. Errors as in `send_text`.

    before_another: waits for the turn of a second call, which some versions of the API need.
    """
    params = {
        "platform": PLATFORMS[to.provider],
        "user_id": to.partner,
        "fields": "messages{id,created_time,from,to,message}",
    }
    found = _call(to, "GET", f"{to.account}/conversations", params=params)
    conversations = found.get("data") if isinstance(found, dict) else None
    if not isinstance(conversations, list):
        raise GraphFailed("Meta's listing has no known form.", status=200)
    if not conversations:
        return []
    messages = conversations[0].get("messages")
    if messages is None:  # some versions name the conversation only
        path = str(conversations[0].get("id"))
        fields = {"fields": "messages{id,created_time,from,to,message}"}
        before_another()
        messages = _call(to, "GET", path, params=fields).get("messages")
    rows = messages.get("data") if isinstance(messages, dict) else None
    listed = [_listed(row) for row in rows or [] if isinstance(row, dict) and row.get("created_time")]
    return sorted(listed, key=lambda each: each.created_at, reverse=True)


def _listed(row: Mapping[str, Any]) -> ListedMessage:
    author = row.get("from")
    return ListedMessage(
        message_id=str(row.get("id")),
        created_at=datetime.fromisoformat(row["created_time"]).astimezone(UTC),
        sender=str(author.get("id")) if isinstance(author, dict) else None,
        text=row.get("message"),
    )


def read(to: Destination, path: str, *, within_s: float | None = None, **params: str) -> Any:
    """The JSON of one GET, for checks of an account. within_s: less than GRAPH_DEADLINE_S. Errors as in `send_text`."""
    return _call(to, "GET", path, params=params, within_s=within_s)


def subscribe(to: Destination, fields: str) -> Any:
    """Subscribes the app to an account's webhooks. Errors as in `send_text`."""
    return _call(to, "POST", f"{to.account}/subscribed_apps", params={"subscribed_fields": fields})


def _call(
    to: Destination,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    permit: Permit = ANY_TIME,
    within_s: float | None = None,
) -> Any:
    """The JSON of one answer."""
    headers = {
        "Authorization": f"Bearer {to.token}",
        "Accept": "application/json",
        "User-Agent": "instagram-webhooks",
        "X-Correlation-ID": correlation.current().correlation_id,
    }
    if body is not None:
        headers["Content-Type"] = "application/json"
    query = f"?{urlencode(params)}" if params else ""
    request = wire.Request(
        method=method,
        url=f"{conf().graph_api_url or HOSTS[to.provider]}/{conf().graph_api_version}/{path}{query}",
        headers=headers,
        body=None if body is None else json.dumps(body).encode(),
        deadline=time.monotonic() + min(conf().graph_deadline_s, within_s or math.inf),
        permit=permit,
    )
    try:
        answer = wire.exchange(request, most_bytes=ANSWER_LIMIT_BYTES)
    except wire.Broken as exc:
        metrics.GRAPH_CALLS.add(to.provider, metrics.UNANSWERED if exc.has_begun else metrics.UNREACHABLE)
        raise (GraphUnanswered if exc.has_begun else GraphUnreachable) from None
    refusal = None if 200 <= answer.status < 300 else Refusal.read(answer.status, answer.body)
    metrics.GRAPH_CALLS.add(to.provider, metrics.ANSWERED if refusal is None else _code(refusal))
    if refusal is not None:
        raise error_of(refusal, answer.headers)
    return _understood(answer)


def _code(refusal: Refusal) -> str:
    return metrics.NO_CODE if refusal.code is None else str(refusal.code)


def _understood(answer: wire.Answer) -> Any:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise GraphUnanswered("Meta's answer is no JSON.", status=answer.status) from None

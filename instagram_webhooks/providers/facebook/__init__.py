"""A Facebook Page: `changes[]` with its feed. Messenger's messages come as meta.py reads them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from instagram_webhooks.events import Content
from instagram_webhooks.providers.reading import Reading
from instagram_webhooks.providers.values import Json, as_id, as_object, content_digest, said


def _feed(value: Json, account: str) -> Reading:
    """What happened to a post or comment; one id comes with several verbs, and edited many times."""
    author_id = as_id(as_object(value.get("from")).get("id"))
    is_own = author_id == account
    about = as_id(value.get("comment_id")) or as_id(value.get("post_id"))
    verb = as_id(value.get("verb")) or ""
    return Reading(
        kind="feed",
        account=account,
        identity=(verb, about or "", content_digest(value)),
        sender=author_id,
        partner=None if is_own else author_id,
        message_id=about,
        time=value.get("created_time"),
        is_own=is_own,
        tell=partial(_feed_says, value),
    )


def _feed_says(value: Json, content: Content) -> Content:
    return replace(content, text=said(value, "message"), reply_to=said(value, "parent_id") or None)


CHANGES: Mapping[str, Callable[[Json, str], Reading]] = {"feed": _feed}

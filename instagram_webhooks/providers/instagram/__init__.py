"""Instagram: `changes[]` with comments, mentions and story figures. Messages come as meta.py reads them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from instagram_webhooks.events import Content
from instagram_webhooks.providers.reading import Reading
from instagram_webhooks.providers.values import Json, as_id, as_object, needed_id, said


def _mention(value: Json, account: str) -> Reading:
    comment_id = as_id(value.get("comment_id"))
    identity = comment_id or needed_id(value.get("media_id"))  # in a caption it has no id of its own
    return Reading("mention", account, (identity,), message_id=comment_id)


def _story_insights(value: Json, account: str) -> Reading:
    return Reading("story_insights", account, (needed_id(value.get("media_id")),))


def _comment(kind: str, value: Json, account: str) -> Reading:
    """A comment; `from` is missing without permission, and an own one names the account."""
    comment_id = as_id(value.get("id")) or needed_id(value.get("comment_id"))
    author = as_object(value.get("from"))
    author_id = as_id(author.get("id"))
    is_own = author_id == account or "self_ig_scoped_id" in author
    return Reading(
        kind=kind,
        account=account,
        identity=(comment_id,),
        sender=author_id,
        partner=None if is_own else author_id,
        message_id=comment_id,
        time=value.get("timestamp"),
        is_own=is_own,
        tell=partial(_comment_says, value),
    )


def _comment_says(value: Json, content: Content) -> Content:
    return replace(content, text=said(value, "text"), reply_to=said(value, "parent_id") or None)


CHANGES: Mapping[str, Callable[[Json, str], Reading]] = {
    "comments": partial(_comment, "comment"),
    "live_comments": partial(_comment, "live_comment"),
    "mentions": _mention,
    "story_insights": _story_insights,
}

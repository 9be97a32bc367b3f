"""What a provider's folder makes of one update; the room's `split` and `content` are built from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from instagram_webhooks.events import Content

Tell = Callable[[Content], Content]  # fills in what this kind says; called only where content is asked for


def nothing_more(content: Content) -> Content:
    """The content as it is: of a kind that says nothing beyond who and what."""
    return content


class Reading(NamedTuple):
    """One event, read; the fields are those of ParsedEvent and Content."""

    kind: str
    account: str  # "" where Meta gave none that is fit
    identity: tuple[str, ...]
    sender: str | None = None
    partner: str | None = None
    message_id: str | None = None
    time: object = None  # as Meta wrote it
    is_own: bool = False
    tell: Tell = nothing_more

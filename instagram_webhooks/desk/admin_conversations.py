"""Conversations in the admin: who spoke last and when, and the messages of one, without a word of them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from audit.pages import marks
from audit.pages.lists import ProviderFilter, ReadOnlyAdmin
from instagram_webhooks.desk import opened, trace
from instagram_webhooks.desk.account_links import AccountColumns, add_accounts
from instagram_webhooks.errors import PayloadSealBroken
from instagram_webhooks.models import Conversation, Message
from instagram_webhooks.replies import thread

MESSAGES = 100
_WORD = re.compile(r"[a-z_]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One message as a page may show it. `said` tells how much was written, never what."""

    at: SafeString | str
    author: str
    kind: str
    said: str
    event_url: str
    deleted_at: datetime | None


class ConversationAdmin(AccountColumns, ReadOnlyAdmin):
    """One account and one customer, who is not named here."""

    change_form_template = "instagram_webhooks/conversation.html"
    list_display = ("short_id", "whose", "wrote", "replied", "answered")
    list_filter = (ProviderFilter,)
    nothing_says = "No conversation yet. The first message of a customer begins one."
    ordering = ("-created_at", "-id")
    pages_by_key = True
    sortable_by = ()
    search_help_text = "A conversation id, or the id of one of its messages, events or requests; exactly."
    fieldsets = (
        (None, {"fields": ("whole_id", "provider", "whole_account", "began")}),
        ("Who spoke last", {"fields": ("message", "reply", "person", "read")}),
    )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.open)
        return [path("<uuid:pk>/open/", view, name="instagram_webhooks_conversation_open"), *super().get_urls()]

    def open(self, request: HttpRequest, pk: str) -> HttpResponse:
        """What was written, for who may read it and says why."""
        return opened.page(request, {**self.admin_site.each_context(request), "opts": self.opts}, pk)

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[models.Model]":
        return super().get_queryset(request).defer("sealed_partner")

    def exactly(self, term: str) -> models.Q | None:
        """The conversations of whatever `trace` finds by this key."""
        found = {event.conversation_id for event in trace.find(term).events if event.conversation_id}
        return models.Q(pk__in=found) if found else None

    def beside(self, request: HttpRequest, conversation: Conversation) -> dict[str, object]:
        """Its last messages."""
        add_accounts([conversation], request.user.has_perm)
        newest = conversation.message_set.order_by("-happened_at", "-id")[: MESSAGES + 1]
        lines = list(_lines(newest))
        may_open = lines and opened.may_open(request)
        return {
            "title": "One conversation",
            "subtitle": None,
            "lines": lines[:MESSAGES],
            "is_cut": len(lines) > MESSAGES,
            "open_url": reverse(opened.PAGE, args=[conversation.pk]) if may_open else "",
            "events_url": reverse(
                "admin:instagram_webhooks_webhookevent_changelist", query={"q": str(conversation.pk)}
            ),
        }

    def add_to_rows(self, rows: Sequence[Conversation], request: HttpRequest) -> None:
        """Gives each row its account; one query a page."""
        add_accounts(rows, request.user.has_perm)

    @admin.display(description="conversation")
    def short_id(self, conversation: Conversation) -> SafeString:
        return marks.under(marks.short_id(conversation.pk), conversation.provider)

    @admin.display(description="conversation id")
    def whole_id(self, conversation: Conversation) -> SafeString | str:
        return marks.whole_id(conversation.pk)

    @admin.display(description="first seen")
    def began(self, conversation: Conversation) -> SafeString | str:
        return marks.moment(conversation.created_at)

    @admin.display(description="customer wrote")
    def wrote(self, conversation: Conversation) -> SafeString | str:
        return marks.narrow(conversation.last_message_at)

    @admin.display(description="we replied")
    def replied(self, conversation: Conversation) -> SafeString | str:
        return marks.narrow(conversation.last_reply_at)

    @admin.display(description="a person answered")
    def answered(self, conversation: Conversation) -> SafeString | str:
        return marks.narrow(conversation.last_human_at)

    @admin.display(description="customer wrote")
    def message(self, conversation: Conversation) -> SafeString | str:
        return marks.moment(conversation.last_message_at)

    @admin.display(description="we replied")
    def reply(self, conversation: Conversation) -> SafeString | str:
        return marks.moment(conversation.last_reply_at)

    @admin.display(description="a person answered")
    def person(self, conversation: Conversation) -> SafeString | str:
        return marks.moment(conversation.last_human_at)

    @admin.display(description="customer read")
    def read(self, conversation: Conversation) -> SafeString | str:
        return marks.moment(conversation.partner_read_at)


def _lines(messages: "models.QuerySet[Message]") -> Iterator[Line]:
    for message in messages:
        event = message.event_id
        yield Line(
            at=marks.moment(message.happened_at),
            author=message.author,
            kind=message.kind.replace("_", " "),
            said=_said(message),
            event_url=reverse("admin:instagram_webhooks_webhookevent_change", args=[event]) if event else "",
            deleted_at=message.deleted_at,
        )


def _said(message: Message) -> str:
    """How much a message says. It is opened to be counted, and forgotten."""
    if message.sealed is None:
        return "deleted by the customer" if message.deleted_at else "nothing stored"
    try:
        said = thread.opened(message)
    except PayloadSealBroken:
        return "sealed with a key that is not here"
    parts = [f"text ({len(said['text'])} characters)"] if said.get("text") else []
    parts += [_attachment(each) for each in said.get("attachments") or ()]
    parts += ["quick reply"] if said.get("quick_reply") else []
    if message.sealed_reaction is not None:
        parts.append("reaction")
    told = ", ".join(parts) or "no text"
    return f"{told}, sealed" + (f", edited {message.edit_number} ×" if message.edit_number else "")


def _attachment(attachment: dict[str, Any]) -> str:
    """Its type, where that is a word of Meta's; what else Meta may send there is not shown."""
    name = attachment.get("type")
    return name.replace("_", " ") if isinstance(name, str) and _WORD.fullmatch(name) else "attachment"

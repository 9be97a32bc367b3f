"""Events in the admin: the newest of them, one by any of its ids, and what happened to each."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.pages import marks
from audit.pages.links import audit_of
from audit.pages.lists import ProviderFilter, ReadOnlyAdmin
from audit.pages.rows import Walked
from dead_letters.models import DeadLetter
from instagram_webhooks.desk import trace
from instagram_webhooks.desk.account_links import AccountColumns, add_accounts
from instagram_webhooks.desk.admin_blocked import SET_ASIDE, may_set_aside
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.desk.step_words import lines
from instagram_webhooks.desk.telling import story
from instagram_webhooks.desk.waiting import sentence
from instagram_webhooks.models import Conversation, OutgoingReply, WebhookEvent
from instagram_webhooks.states import CLAIMABLE, ENDED, OPEN, EventState

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# What the filter offers. A kind that is missing here is still shown, and found by its ids.
KINDS = (
    *("message", "echo", "message_deleted", "message_edit", "reaction", "read", "delivery", "postback"),
    *("referral", "optin", "handover", "comment", "live_comment", "mention", "story_insights"),
    *("status", "feed", "unreadable", "empty", "unknown"),
)


class StateFilter(Walked):
    """By state, by shape and word. What is open is found by the indexes of what is open."""

    title = parameter_name = "state"
    values = ENDED

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [(name, f"{marks.SHAPES[name]} {name}") for name in EventState.values]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        state = self.value()
        is_due = {"claimable_at__isnull": False} if state in CLAIMABLE else {}  # as the index of such events says it
        return queryset.filter(state=state, **is_due) if state in OPEN else queryset


class KindFilter(Walked):
    """By kind."""

    title = parameter_name = "kind"
    values = KINDS


class EventAdmin(AccountColumns, ReadOnlyAdmin):
    """What Meta told us, without what it says: no payload, no customer's id."""

    change_form_template = "instagram_webhooks/event.html"
    list_display = ("arrived", "standing_and_why", "what", "whose", "attempts", "answer")
    list_filter = (StateFilter, ProviderFilter, KindFilter, "received_at")
    nothing_says = "No webhook has come yet. `manage.py send_sample_webhook` sends one, signed as Meta does."
    ordering = ("-received_at", "-event_id")
    pages_by_key = True
    sortable_by = ()
    search_help_text = f"One of these, exactly: {trace.LOOKED_FOR}."

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        """What there is to say; lines about nothing are left out."""
        if not isinstance(obj, WebhookEvent):
            return super().get_fieldsets(request, obj)
        stands = ["standing_and_why", "answer_and_why", "attempts"]
        stands += ["waits_for"] if obj.state in OPEN else []
        stands += ["due"] if obj.state == EventState.RETRYING else []
        stands += ["letters"] if DeadLetter.objects.filter(subject_id=obj.pk).exists() else []
        is_about = ["kind", "provider", "whole_account", "happened", "arrived"] + (
            ["finished"] if obj.finished_at else []
        )
        ids = ["whole_id", "correlation"] + (["conversation"] if obj.conversation_id else [])
        ids += ["message"] if obj.message_digest else []
        parts = {"How it stands": stands, "What it is": is_about, "Ids": ids}
        return [(title, {"fields": fields}) for title, fields in parts.items()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "title": "Events"})

    def get_ordering(self, request: HttpRequest) -> Any:
        """Newest first. Open events in words that no index has: by that of all events PostgreSQL would walk past
        everything that has ended since, to find what has been parked for long."""
        if request.GET.get("state") in OPEN:
            return ((F("received_at") + timedelta()).desc(), "-event_id")
        return self.ordering

    def exactly(self, term: str) -> models.Q | None:
        """Whatever `trace` finds by this key."""
        found = [event.pk for event in trace.find(term).events]
        return models.Q(pk__in=found) if found else None

    def add_to_rows(self, rows: Sequence[WebhookEvent], request: HttpRequest) -> None:
        """Gives each row its reply and its account; two queries a page."""
        replies = OutgoingReply.objects.filter(event_id__in=[row.pk for row in rows])
        states = dict(replies.values_list("event_id", "state"))
        add_accounts(rows, request.user.has_perm)
        for row in rows:
            row.reply_state = states.get(row.pk, "")  # type: ignore[attr-defined]

    def beside(self, request: HttpRequest, event: WebhookEvent) -> dict[str, object]:
        """Its timeline, and the way to set it aside where it blocks its conversation."""
        (one,) = shown([event], timeline=True)
        add_accounts([event], request.user.has_perm)
        event.shown = one  # type: ignore[attr-defined]  # its fields are of the same
        goes_first = one["waiting"] is not None and one["waits_for"] is None
        may_go = goes_first and event.state != EventState.PROCESSING and may_set_aside(request)
        return {
            "title": "One event",
            "subtitle": None,
            "story": story(one),
            "steps": lines(one["timeline"]),
            "audit_url": audit_of(request, event.pk),
            "set_aside_url": reverse(SET_ASIDE, query={"id": str(event.pk)}) if may_go else "",
        }

    # --- columns and fields --------------------------------------------------------------------------

    @admin.display(description="received")
    def arrived(self, event: WebhookEvent) -> SafeString | str:
        return marks.moment(event.received_at)

    @admin.display(description="state")
    def standing_and_why(self, event: WebhookEvent) -> SafeString:
        return marks.under(marks.state(event.state), event.reason.replace("_", " "))

    @admin.display(description="kind")
    def what(self, event: WebhookEvent) -> SafeString:
        return marks.under(event.kind.replace("_", " "), event.provider)

    @admin.display(description="reply")
    def answer(self, event: WebhookEvent) -> SafeString | str:
        state: str = getattr(event, "reply_state", "")
        return marks.state(state) if state else marks.NOTHING

    @admin.display(description="event id")
    def whole_id(self, event: WebhookEvent) -> SafeString | str:
        return marks.whole_id(event.pk)

    @admin.display(description="correlation id")
    def correlation(self, event: WebhookEvent) -> SafeString | str:
        return marks.whole_id(event.correlation_id)

    @admin.display(description="message id (digest)")
    def message(self, event: WebhookEvent) -> SafeString | str:
        return marks.whole_id(event.message_digest and event.message_digest.hex)

    @admin.display(description="happened at Meta")
    def happened(self, event: WebhookEvent) -> SafeString | str:
        return marks.moment(event.happened_at)

    @admin.display(description="finished")
    def finished(self, event: WebhookEvent) -> SafeString | str:
        return marks.moment(event.finished_at)

    @admin.display(description="next attempt")
    def due(self, event: WebhookEvent) -> SafeString | str:
        return marks.moment(event.claimable_at)

    @admin.display(description="waits for")
    def waits_for(self, event: WebhookEvent) -> SafeString | str:
        """The event before it in the conversation, while there is one, and what else must happen first."""
        one: Event = event.shown  # type: ignore[attr-defined]
        said, head = sentence(one["waiting"]) if one["waiting"] else marks.NOTHING, one["waits_for"]
        if head is None:
            return said
        link = marks.link(_page("instagram_webhooks_webhookevent", head), marks.whole_id(head))
        if one["waiting"] and one["waiting"]["what"] == "event":
            return format_html("The event that goes first in its conversation: {}", link)
        return format_html("{} Also for the event before it: {}", said, link)

    @admin.display(description="reply")
    def answer_and_why(self, event: WebhookEvent) -> SafeString | str:
        reply = event.shown["reply"]  # type: ignore[attr-defined]
        if reply is None:
            return "None was planned."
        reason = (reply["reason"] or "").replace("_", " ")
        return marks.state(reply["state"], f"{reply['state']}: {reason}" if reason else "")

    @admin.display(description="dead letters")
    def letters(self, event: WebhookEvent) -> SafeString | str:
        found = DeadLetter.objects.filter(subject_id=event.pk).order_by("created_at", "id")
        links = [
            (marks.link(_page("dead_letters_deadletter", key), f"{code} ({status})"),)
            for key, code, status in found.values_list("pk", "code", "status")
        ]
        return format_html_join(", ", "{}", links) or marks.NOTHING

    @admin.display(description="conversation")
    def conversation(self, event: WebhookEvent) -> SafeString | str:
        """Its page once it has a row, else its id."""
        known = event.conversation_id
        if known is None or not Conversation.objects.filter(pk=known).exists():
            return marks.whole_id(known)
        return marks.link(_page("instagram_webhooks_conversation", known), marks.whole_id(known))


def _page(of: str, key: object) -> str:
    return reverse(f"admin:{of}_change", args=[key])

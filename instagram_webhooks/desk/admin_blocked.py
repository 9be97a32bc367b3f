"""Conversations that stand, in the admin: what goes first in each, why it does not move, and the way on."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Greatest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from audit.pages import marks
from audit.pages.asks import ReasonForm, asked_ids, chosen_rows
from audit.pages.lists import CappedPaginator, ReadOnlyAdmin
from dead_letters.admin import AT_ONCE
from instagram_webhooks.desk.account_links import AccountColumns, add_accounts
from instagram_webhooks.desk.event import shown
from instagram_webhooks.desk.set_aside import set_aside
from instagram_webhooks.inbox import heads
from instagram_webhooks.models import BlockedConversation, WebhookEvent

BLOCKED = "admin:instagram_webhooks_blockedconversation_changelist"
SET_ASIDE = "admin:instagram_webhooks_blockedconversation_set_aside"

_WHY = {
    "account": "account parked",
    "pause": "account left alone for a while",
    "retry": "waits for its next attempt",
    "worker": "no worker has taken it",
    "work": "its worker has not come back to it",
    "lease": "its worker is silent",
    "event": "another event has just gone before it",
}


def may_set_aside(request: HttpRequest) -> bool:
    """As for a replay: both decide what becomes of an event."""
    return request.user.has_perm("dead_letters.act_on_deadletter")


class _Paginator(CappedPaginator):
    """Each row that is counted is asked whether it is the head of a lane that stands."""

    cap = 1000


class BlockedAdmin(AccountColumns, ReadOnlyAdmin):
    """Heads of lanes that stand, the longest wait first; nothing in it is personal data."""

    actions = ("set_aside_chosen",)
    list_display = ("event", "standing_and_why", "whose", "what", "waits_since", "stand_behind", "next_try")
    list_display_links = None
    nothing_says = "No conversation is blocked: each goes on as its events come."
    ordering = (Greatest("received_at", "order_at").asc(), "event_id")
    paginator = _Paginator
    search_fields = ()  # type: ignore[assignment]  # no box: the list is short
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Any]":
        table = BlockedConversation._meta.db_table
        is_blocked = RawSQL(heads.is_blocked(table), (), output_field=models.BooleanField())  # noqa: S611  # no input
        return super().get_queryset(request).filter(is_blocked)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return request.user.has_perm("instagram_webhooks.view_webhookevent")

    def has_act_permission(self, request: HttpRequest) -> bool:
        return may_set_aside(request)

    def add_to_rows(self, rows: Sequence[Any], request: HttpRequest) -> None:
        """Gives each row what it waits for and what stands behind it; the same few queries for any page."""
        add_accounts(rows, request.user.has_perm)
        counts = heads.behind([row.lane for row in rows])
        for row, one in zip(rows, shown(rows), strict=True):
            row.waiting, row.behind = one["waiting"], counts.get(row.lane, 0)

    # --- pages -------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.set_aside)
        name = SET_ASIDE.removeprefix("admin:")
        return [path("set-aside/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """An event has one page, whatever list it was found in."""
        return HttpResponseRedirect(_event_url(object_id))

    # --- set aside ---------------------------------------------------------------------------------

    @admin.action(description="Set aside selected events…", permissions=["act"])
    def set_aside_chosen(self, request: HttpRequest, queryset: "models.QuerySet[Any]") -> HttpResponse | None:
        none_left = "what you chose is blocked no longer"
        ids = chosen_rows(self, request, queryset, most=AT_ONCE, none_left=none_left)
        return self._ask(request, ids, ReasonForm()) if ids else None

    def set_aside(self, request: HttpRequest) -> HttpResponse:
        """GET asks for the reason, POST does it, each event in a transaction of its own."""
        if not may_set_aside(request):
            raise PermissionDenied
        ids = asked_ids(request, most=AT_ONCE)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return self._ask(request, ids, form)
        actor, reason = request.user.get_username(), form.cleaned_data["reason"]
        done = sum(set_aside(event_id, actor=actor, reason=reason) for event_id in ids)
        self._report(request, done, len(ids) - done)
        if len(ids) == 1 and done:
            return HttpResponseRedirect(_event_url(ids[0]))
        return HttpResponseRedirect(reverse(BLOCKED))

    def _ask(self, request: HttpRequest, ids: Sequence[uuid.UUID], form: ReasonForm) -> TemplateResponse:
        chosen = list(WebhookEvent.objects.filter(pk__in=ids).order_by("received_at", "event_id"))
        title = f"Set aside {len(ids)} event{'' if len(ids) == 1 else 's'}"
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "submit": title,
            "opts": self.opts,
            "act_url": reverse(SET_ASIDE),
            "back_url": reverse(BLOCKED),
            "back_to": "Blocked conversations",
            "form": form,
            "media": self.media + form.media,
            "chosen": [(event, marks.state(event.state), marks.moment(event.received_at)) for event in chosen],
        }
        return TemplateResponse(request, "instagram_webhooks/set_aside.html", context)

    def _report(self, request: HttpRequest, done: int, left: int) -> None:
        parts = [f"{done} set aside"] if done else []
        parts += [f"{left} left: a worker has it, or it has ended by now"] if left else []
        level = messages.SUCCESS if not left else messages.WARNING if done else messages.ERROR
        self.message_user(request, "; ".join(parts) + ".", level)

    # --- columns -----------------------------------------------------------------------------------

    @admin.display(description="goes first")
    def event(self, row: Any) -> SafeString:
        return marks.link(_event_url(row.pk), marks.short_id(row.pk))

    @admin.display(description="why it stands")
    def standing_and_why(self, row: Any) -> SafeString:
        waiting = row.waiting
        if waiting is None:  # it ended while the page was read
            return marks.state(row.state)
        reason = f": {waiting['reason'].replace('_', ' ')}" if waiting["reason"] else ""
        return marks.under(marks.state(row.state), f"{_WHY[waiting['what']]}{reason}")

    @admin.display(description="kind")
    def what(self, row: Any) -> SafeString:
        return marks.under(row.kind.replace("_", " "), row.provider)

    @admin.display(description="waits since")
    def waits_since(self, row: Any) -> SafeString | str:
        return marks.moment(max(row.received_at, row.order_at))

    @admin.display(description="behind it")
    def stand_behind(self, row: Any) -> str:
        return f"{heads.BEHIND_CAP:,}+" if row.behind > heads.BEHIND_CAP else f"{row.behind:,}"

    @admin.display(description="next try")
    def next_try(self, row: Any) -> SafeString | str:
        until = row.waiting["until"] if row.waiting else None
        return marks.moment(datetime.fromisoformat(until)) if until else marks.NOTHING


def _event_url(event_id: object) -> str:
    return reverse("admin:instagram_webhooks_webhookevent_change", args=[event_id])

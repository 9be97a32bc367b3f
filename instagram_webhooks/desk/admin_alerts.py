"""Alerts in the admin: what is wrong now, what was, whom it was told, and a test of the ways to tell it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

import audit
from audit.pages import marks
from audit.pages.lists import ReadOnlyAdmin
from instagram_webhooks.alarms import incidents, message, telling
from instagram_webhooks.alarms.deliver import channels
from instagram_webhooks.alarms.kinds import KINDS
from instagram_webhooks.inbox import turn
from instagram_webhooks.models import Incident

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ALERTS = "admin:instagram_webhooks_incident_changelist"
TEST = "admin:instagram_webhooks_incident_test"
AGAIN_S = 10.0  # a double click is one test
_ENDED = {"open": False, "over": True}


class EndedFilter(admin.SimpleListFilter):
    """Whether it goes on."""

    title = "state"
    parameter_name = "state"

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [("open", f"{marks.SHAPES['open']} open"), ("over", f"{marks.SHAPES['resolved']} over")]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        ended = _ENDED.get(self.value() or "")
        return queryset if ended is None else queryset.filter(ended_at__isnull=not ended)


class KindFilter(admin.SimpleListFilter):
    """By kind, with fixed choices."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [(name, name.replace("_", " ")) for name in KINDS]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        return queryset.filter(kind=self.value()) if self.value() in KINDS else queryset


class AlertAdmin(ReadOnlyAdmin):
    """What goes on first, then what ended last; nothing in it is personal data."""

    change_list_template = "instagram_webhooks/alerts.html"
    list_display_links = None
    list_filter = (EndedFilter, KindFilter)
    ordering = ("-ended_at", "-begun_at", "-id")  # NULL first, as the index has it
    search_fields = ()  # type: ignore[assignment]  # no box: the list is short
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Any]":
        return super().get_queryset(request).filter(kind__in=KINDS)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test)
        return [path("test/", view, name=TEST.removeprefix("admin:")), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        about = {
            "title": "Alerts",
            "ways": [channel.words for channel in channels()],
            "lingers": marks.span(incidents.LINGERS_S),
            "test_url": reverse(TEST) if self.has_test_permission(request) else "",
        }
        return super().changelist_view(request, {**(extra_context or {}), **about})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """An alert has no page of its own: what is wrong has one."""
        alert = self.get_object(request, object_id)
        if isinstance(alert, Incident) and _may_see(request, alert):
            return HttpResponseRedirect(message.page_of(alert))
        return HttpResponseRedirect(reverse(ALERTS))

    # --- test --------------------------------------------------------------------------------------

    def has_test_permission(self, request: HttpRequest) -> bool:
        """Whoever may see the list; the right to test alone is of no use."""
        return request.user.has_perms(("instagram_webhooks.test_alert", "instagram_webhooks.view_incident"))

    def test(self, request: HttpRequest) -> HttpResponse:
        """Sends a test alert every way that is set, and says in words what became of it."""
        if not self.has_test_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not turn.take(AGAIN_S, "test_alert"):
            self.message_user(request, "A test alert was sent a moment ago; nothing more was sent.", messages.WARNING)
            return HttpResponseRedirect(reverse(ALERTS))
        tried = telling.try_all(actor=request.user.get_username())
        detail: dict[str, object] = {each.way: "failed" if each.failure else "taken" for each in tried}
        audit.record("alert.tested", subject_id=None, actor=request.user.get_username(), detail=detail)
        for each in tried:
            said = f"{each.words}: {each.failure}." if each.failure else f"{each.words}: taken."
            self.message_user(request, said, messages.ERROR if each.failure else messages.SUCCESS)
        if not tried:
            said = "Nothing was sent: set ALERT_EMAILS, ALERT_WEBHOOK_URL or both, and restart."
            self.message_user(request, said, messages.ERROR)
        return HttpResponseRedirect(reverse(ALERTS))

    # --- columns -----------------------------------------------------------------------------------

    def get_list_display(self, request: HttpRequest) -> Any:
        """The first column leads to the page to look at, where that may be seen."""

        @admin.display(description="what is wrong")
        def what(alert: Incident) -> SafeString:
            said = message.headline(alert)
            linked = marks.link(message.page_of(alert), said) if _may_see(request, alert) else said
            runbook = marks.link(message.runbook_of(alert), "Runbook")
            return marks.under(linked, format_html("{} {}", message.says(alert), runbook))

        return (what, "standing", "since", "told")

    @admin.display(description="state")
    def standing(self, alert: Incident) -> SafeString:
        if alert.ended_at:
            return marks.under(marks.state("resolved", "over"), _minute(alert.ended_at))
        return marks.state("open")

    @admin.display(description="since")
    def since(self, alert: Incident) -> SafeString | str:
        return _minute(alert.begun_at)

    @admin.display(description="told")
    def told(self, alert: Incident) -> SafeString | str:
        ways = {"by mail": alert.mailed_at, "to the webhook": alert.posted_at}
        told_at = [at for at in ways.values() if at]
        if told_at:
            return marks.under(_minute(min(told_at)), ", ".join(words for words, at in ways.items() if at))
        if alert.tried_at:
            return marks.under("not yet: the last try failed", _minute(alert.tried_at))
        return "not yet" if channels() else "nobody"


def _minute(at: datetime | None) -> SafeString | str:
    return marks.moment(at, form="%Y-%m-%d %H:%M")


def _may_see(request: HttpRequest, alert: Incident) -> bool:
    right = KINDS[alert.kind].page.right
    return not right or request.user.has_perm(right)

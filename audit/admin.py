"""The audit log as people read it."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from audit.facts import IDENTIFIER
from audit.ids import CLOCKS_DIFFER, first_id
from audit.models import SYSTEM, AuditEntry, done_by
from audit.pages import marks
from audit.pages.lists import ProviderFilter, ReadOnlyAdmin
from audit.pages.rows import Walked

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# What the filter offers. An action that is missing here is still shown, and found by its subject.
ACTIONS = (
    *("event.processed", "event.failed", "event.retrying", "event.parked", "event.ignored"),
    *("event.handed_back", "event.released", "event.replayed", "event.set_aside", "lease.lost"),
    *("dead_letter.replayed", "dead_letter.resolved", "dead_letter.discarded", "dead_letter.reopened"),
    *("cause.acknowledged", "cause.resolved", "cause.ignored", "cause.reopened", "cause.noted"),
    *("cause.recurred", "cause.ignored_no_more"),
    *("replay_batch.started", "replay_batch.paused", "replay_batch.resumed", "replay_batch.stopped"),
    *("replay_batch.rate_changed", "replay_batch.done"),
    *("account.changed", "account.connected", "account.parked", "account.released", "account.token_changed"),
    *("conversation.opened", "person.logged_in", "person.logged_out", "person.locked_out", "person.let_in"),
    *("person.added", "person.changed", "person.deleted", "person.password_changed"),
    *("role.added", "role.changed", "role.deleted"),
    *("person.second_factor_forgotten", "second_factor.enrolled", "second_factor.shown"),
    *("account.replies_on", "account.replies_off", "account.replies_shadow"),
    *("account.paused", "account.resumed", "account.tested", "job.started", "alert.tested"),
    *("reply.decided", "reply.proved"),
    *("api_token.created", "api_token.revoked"),
)


class ActionFilter(Walked):
    """By action, with fixed choices. Of one person's entries, or of people's, no index has those of one action."""

    title = parameter_name = "action"
    values = ACTIONS

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [(name, name) for name in ACTIONS]

    def queryset(self, request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        self._is_served = request.GET.get("by") not in ("me", "people") and not request.GET.get(SEARCH_VAR)
        wanted = super().wanted()
        return queryset.filter(wanted) if wanted and self._is_served else queryset

    def wanted(self) -> models.Q | None:
        return None if self._is_served else super().wanted()


class WhoFilter(admin.SimpleListFilter):
    """By who did it."""

    title = "done by"
    parameter_name = "by"

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [("me", "me"), ("people", "people"), ("system", "the system")]

    def queryset(self, request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        if self.value() == "me":
            return queryset.filter(done_by(request.user.get_username()))
        if self.value() == "people":
            return queryset.exclude(actor=SYSTEM)
        return queryset.filter(actor=SYSTEM) if self.value() == "system" else queryset


class WhenFilter(admin.SimpleListFilter):
    """By time, as the ids tell it: `at` has no index."""

    title = "time"
    parameter_name = "within"

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [("1", "the last hour"), ("24", "the last 24 hours"), ("168", "the last 7 days")]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        if self.value() not in {hours for hours, _ in self.lookups()}:
            return queryset
        since = datetime.now(UTC) - timedelta(hours=int(str(self.value())))
        return queryset.filter(id__gte=first_id(since, -CLOCKS_DIFFER), at__gte=since)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Newest first: ids are made in the order of time, so the primary key is that order."""

    counted_as = "in the audit log"
    fieldsets = (
        ("What was done", {"fields": ("moment", "action", "actor", "reason", "facts")}),
        ("To what", {"fields": ("subject", "provider", "attempt", "correlation")}),
    )
    list_display = ("moment", "act", "actor", "about")
    list_filter = (WhoFilter, WhenFilter, ProviderFilter, ActionFilter)
    ordering = ("-id",)
    pages_by_key = True
    sortable_by = ()
    search_help_text = "The id of an event (or other subject), a correlation id, or who did it; exactly."

    def exactly(self, term: str) -> models.Q | None:
        """Entries of a person, who has an order of their own; or else of a subject's id or of a correlation id."""
        its = done_by(term)
        if not IDENTIFIER.fullmatch(term) or AuditEntry.objects.filter(its).exists():
            return its
        meant = models.Q(correlation_id=term)
        with suppress(ValueError):
            meant |= models.Q(subject_id=uuid.UUID(term))
        return meant

    @admin.display(description="time (UTC)")
    def moment(self, entry: AuditEntry) -> SafeString | str:
        return marks.moment(entry.at)

    @admin.display(description="action")
    def act(self, entry: AuditEntry) -> SafeString:
        beneath = [entry.provider] if entry.provider else []
        beneath += [f"attempt {entry.attempt}"] if entry.attempt else []
        return marks.under(entry.action, ", ".join(beneath))

    @admin.display(description="subject, correlation id")
    def about(self, entry: AuditEntry) -> SafeString:
        """Each leads to all that was done to it, or under it."""
        subject, request = entry.subject_id, entry.correlation_id
        of_request = _all_of(request, marks.short_id(request)) if request else ""
        return marks.under(_all_of(subject, marks.short_id(subject)) if subject else marks.NOTHING, of_request)

    @admin.display(description="subject")
    def subject(self, entry: AuditEntry) -> SafeString | str:
        whole = marks.whole_id(entry.subject_id)
        return _all_of(entry.subject_id, whole) if entry.subject_id else whole

    @admin.display(description="correlation id")
    def correlation(self, entry: AuditEntry) -> SafeString | str:
        whole = marks.whole_id(entry.correlation_id)
        return _all_of(entry.correlation_id, whole) if entry.correlation_id else whole

    @admin.display(description="facts")
    def facts(self, entry: AuditEntry) -> SafeString | str:
        told = [(name.replace("_", " "), str(value)) for name, value in entry.detail.items()]
        return format_html_join("", "<div>{}: {}</div>", told) or marks.NOTHING


def _all_of(key: object, words: object) -> SafeString:
    return marks.link(reverse("admin:audit_auditentry_changelist", query={"q": str(key)}), words)

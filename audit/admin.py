"""The audit log as people read it."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from audit.facts import IDENTIFIER
from audit.models import AuditEntry
from audit.pages.lists import ProviderFilter, ReadOnlyAdmin

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


class ActionFilter(admin.SimpleListFilter):
    """By action, with fixed choices."""

    title = "action"
    parameter_name = "action"

    def lookups(self, *_: object) -> "Iterable[tuple[str, StrOrPromise]]":
        return [(name, name) for name in ACTIONS]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        return queryset.filter(action=self.value()) if self.value() in ACTIONS else queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Newest first: ids are made in the order of time, so the primary key is that order."""

    list_display = ("at", "action", "subject_id", "provider", "attempt", "actor", "correlation_id")
    list_filter = (ActionFilter, ProviderFilter)
    ordering = ("-id",)
    pages_by_key = True
    sortable_by = ()
    search_help_text = "The id of an event (or other subject), or a correlation id; exactly."

    def exactly(self, term: str) -> models.Q | None:
        """Entries of a subject's id or of a correlation id."""
        if not IDENTIFIER.fullmatch(term):
            return None
        meant = models.Q(correlation_id=term)
        with suppress(ValueError):
            meant |= models.Q(subject_id=uuid.UUID(term))
        return meant

"""Queues and workers in the admin: what is ready, how long it waits, who is there to take it, and what each has."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from audit.pages import marks
from audit.pages.lists import ReadOnlyAdmin
from instagram_webhooks.conf import QUEUE, UPKEEP_QUEUE, conf
from instagram_webhooks.desk import beats
from instagram_webhooks.inbox.wake_ups import Broker, BrokerAway
from instagram_webhooks.models import WebhookEvent, Worker

SHOWN_EVENTS = 3  # of a worker: those that it has had for longest
READ_EVENTS = 1000
_QUEUES = {QUEUE: "wake-ups", UPKEEP_QUEUE: "jobs"}


def may_see(request: HttpRequest) -> bool:
    """Who may see events may see what works on them."""
    return bool(request.user.has_perm("instagram_webhooks.view_webhookevent"))


def silent_since() -> datetime:
    """A worker whose last pulse is older is taken for dead."""
    return timezone.now() - timedelta(seconds=conf().worker_silent_s)


class StandingFilter(admin.SimpleListFilter):
    """By whether it lives."""

    title = "state"
    parameter_name = "state"

    def lookups(self, *_: object) -> list[tuple[str, str]]:
        return [(name, name) for name in ("alive", "silent", "stopped")]

    def queryset(self, _request: HttpRequest, queryset: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
        since = silent_since()
        chosen = {
            "alive": models.Q(stopped_at=None, pulse_at__gt=since),
            "silent": models.Q(stopped_at=None, pulse_at__lte=since),
            "stopped": models.Q(stopped_at__isnull=False),
        }
        return queryset.filter(chosen.get(self.value() or "", models.Q()))


class WorkerAdmin(ReadOnlyAdmin):
    """Processes that claim events, the latest pulse first; forgotten a week after their last (housekeeping)."""

    change_list_template = "instagram_webhooks/workers.html"
    list_display = ("process", "standing", "slots_in_use", "at_work", "last_pulse", "last_delivery")
    list_display_links = None
    list_filter = (StandingFilter,)
    ordering = ("-pulse_at", "-id")
    search_fields = ()  # type: ignore[assignment]  # no box
    sortable_by = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_see(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return may_see(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, after the queues."""
        delay = beats.queue_delay()
        about = {
            "title": "Queues and workers",
            "queues": _queues(),
            "delay": delay.words,
            "delayed_url": _event_url(delay.event_id) if delay.event_id else "",
        }
        return super().changelist_view(request, {**(extra_context or {}), **about})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The list says all there is."""
        return HttpResponseRedirect(reverse("admin:instagram_webhooks_worker_changelist"))

    def add_to_rows(self, rows: Sequence[Any], _request: HttpRequest) -> None:
        """Gives each row the events that it has; one query a page, no more rows than all workers have slots."""
        events = WebhookEvent.objects.filter(worker_id__in=[row.pk for row in rows]).order_by("claimable_at", "pk")
        held: dict[UUID | None, list[tuple[UUID, str, datetime | None]]] = {}
        for worker_id, pk, kind, until in events.values_list("worker_id", "pk", "kind", "claimable_at")[:READ_EVENTS]:
            held.setdefault(worker_id, []).append((pk, kind, until))
        for row in rows:
            row.held = held.get(row.pk, [])

    # --- columns -----------------------------------------------------------------------------------

    @admin.display(description="process")
    def process(self, worker: Worker) -> SafeString:
        return marks.under(str(worker), format_html("{}, started {}", worker.pool, marks.ago(worker.started_at)))

    @admin.display(description="state")
    def standing(self, worker: Worker) -> SafeString:
        if worker.stopped_at:
            return marks.under(marks.state("skipped", "stopped"), marks.ago(worker.stopped_at))
        if worker.pulse_at > silent_since():
            return marks.state("active", "alive")
        return marks.under(marks.state("failed", "silent"), "taken for dead")

    @admin.display(description="slots in use")
    def slots_in_use(self, worker: Worker) -> str:
        return f"{0 if worker.stopped_at else worker.in_flight} of {worker.slots}"

    @admin.display(description="works on")
    def at_work(self, worker: Any) -> SafeString | str:
        """The claim writes no time of its own: it is a lease before the end of the lease."""
        if not worker.held:
            return "nothing" if worker.stopped_at is None else marks.NOTHING
        lease = timedelta(seconds=conf().lease_s)
        shown = format_html_join(
            "",
            "<div>{} {}</div>",
            (
                (marks.link(_event_url(pk), kind.replace("_", " ")), marks.ago(until - lease) if until else "")
                for pk, kind, until in worker.held[:SHOWN_EVENTS]
            ),
        )
        more = len(worker.held) - SHOWN_EVENTS
        return format_html("{}<small>and {} more</small>", shown, more) if more > 0 else shown

    @admin.display(description="last pulse")
    def last_pulse(self, worker: Worker) -> SafeString | str:
        return marks.narrow(worker.pulse_at)

    @admin.display(description="last delivery")
    def last_delivery(self, worker: Worker) -> SafeString | str:
        return marks.narrow(worker.delivered_at) if worker.delivered_at else "none yet"


def _queues() -> list[tuple[str, str, str]]:
    """Each queue by its name, what lies in it, and how many; all by one connection, tried once."""
    broker = Broker()
    try:
        return [(name, what, f"{broker.depth(name):,}") for name, what in _QUEUES.items()]
    except BrokerAway:
        return [(name, what, "no answer") for name, what in _QUEUES.items()]
    finally:
        broker.close()


def _event_url(event_id: object) -> str:
    return reverse("admin:instagram_webhooks_webhookevent_change", args=[event_id])

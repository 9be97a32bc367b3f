"""Upkeep in the admin: the daily jobs, what every worker does beside its work, and beat's heartbeat."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django_celery_results.admin import TaskResultAdmin

from audit.pages import marks
from audit.pages.asks import ReasonForm
from audit.pages.lists import ReadOnlyAdmin, Unchanging
from audit.pages.rows import AnsweredList
from instagram_webhooks.desk import beats, jobs
from instagram_webhooks.desk.admin_workers import may_see, silent_since
from instagram_webhooks.desk.jobs import STARTED, Job, Run
from instagram_webhooks.inbox import turn
from instagram_webhooks.inbox.wake_ups import BrokerAway
from instagram_webhooks.models import Worker

UPKEEP = "admin:instagram_webhooks_turn_changelist"
RUN = "admin:instagram_webhooks_turn_run"
# What all workers take turns at. late: after so long something is wrong.
TURNS = {
    "sweep": (
        "Offers what is due, frees what dead workers held, wakes what waited for an account, alerts.",
        beats.SWEEP_LATE,
    ),
    "replays": ("Goes on with replays of many: each second while one runs, else with the sweep.", beats.SWEEP_LATE),
    "figures": ("Counts the minutes and the causes that the first page shows.", timedelta(minutes=5)),
}
_ENDS = {"SUCCESS": ("done", "done"), "FAILURE": ("failed", "failed"), STARTED: ("running", "running")}
LONG = timedelta(hours=1)


def may_run(request: HttpRequest) -> bool:
    """As for a replay: who may send events back to work may start a job of upkeep."""
    return bool(request.user.has_perm("dead_letters.act_on_deadletter"))


class ResultAdmin(Unchanging, TaskResultAdmin):
    """What came of a run; nobody invents one."""

    def get_changelist(self, *_: Any, **__: Any) -> type[AnsweredList]:
        return AnsweredList


class UpkeepAdmin(ReadOnlyAdmin):
    """One page, no list: there are a handful of jobs."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.run)
        return [path("run/<str:name>/", view, name=RUN.removeprefix("admin:")), *super().get_urls()]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_see(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return may_see(request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The page; three queries."""
        if not may_see(request):
            raise PermissionDenied
        taken = turn.taken()
        alive = Worker.objects.filter(stopped_at=None, pulse_at__gt=silent_since())
        worked_since = alive.aggregate(models.Min("started_at"))["started_at__min"]
        beat = beats.beat(taken.get(turn.BEAT), worked_since=worked_since)
        about = {
            "title": "Upkeep",
            "beat": beat,
            "jobs": [(job, _run_url(job) if may_run(request) else "", *_shown(request, job)) for job in jobs.jobs()],
            "turns": [(name, says, *_turn(taken.get(name), late)) for name, (says, late) in TURNS.items()],
        }
        return self._page(request, "instagram_webhooks/upkeep.html", about)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The one page says all there is."""
        return HttpResponseRedirect(reverse(UPKEEP))

    def run(self, request: HttpRequest, name: str) -> HttpResponse:
        """GET asks for the reason, POST starts the job."""
        if not (may_see(request) and may_run(request)):
            raise PermissionDenied
        job = next((job for job in jobs.jobs() if job.name == name), None)
        if job is None:
            raise Http404
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            about = {"title": f"Run {name} now", "submit": "Run it now", "says": job.says, "form": form}
            about |= {"act_url": _run_url(job), "back_url": reverse(UPKEEP), "back_to": "Upkeep"}
            return self._page(request, "audit/ask_alone.html", about)
        self._start(request, name, reason=form.cleaned_data["reason"])
        return HttpResponseRedirect(reverse(UPKEEP))

    def _start(self, request: HttpRequest, name: str, *, reason: str) -> None:
        try:
            begun = jobs.start(name, actor=request.user.get_username(), reason=reason)
        except BrokerAway:
            said = f"Nothing was started: the broker does not answer. {name} runs at its time."
            self.message_user(request, said, messages.ERROR)
            return
        said = f"{name} is on its way to a worker." if begun else f"Nothing was started: {name} was, a moment ago."
        self.message_user(request, said, messages.SUCCESS if begun else messages.WARNING)

    def _page(self, request: HttpRequest, template: str, about: dict[str, object]) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **about}
        return TemplateResponse(request, template, context)


def _shown(request: HttpRequest, job: Job) -> tuple[object, object, str, object]:
    """Of the last run when and what came of it; how long it took; when the next is."""
    if job.last is None:
        return "never, as far as results are kept", marks.NOTHING, marks.NOTHING, _next(job)
    took = job.last.took
    took_told = f"{took.total_seconds():.1f} s" if took is not None else marks.NOTHING
    return marks.moment(job.last.begun_at), _end(request, job.last), took_told, _next(job)


def _end(request: HttpRequest, last: Run) -> SafeString:
    shape, words = _ENDS.get(last.status, ("waiting", last.status.lower()))
    if last.status == STARTED and timezone.now() - last.begun_at > LONG:
        shape, words = "failed", "did not come to its end"  # its worker was lost
    told = marks.under(marks.state(shape, words), last.counts)
    if not request.user.has_perm("django_celery_results.view_taskresult"):
        return told
    return marks.link(reverse("admin:django_celery_results_taskresult_change", args=[last.id]), told)


def _next(job: Job) -> SafeString | str:
    return marks.moment(job.next_at, form="%Y-%m-%d %H:%M") if job.next_at else "counted from beat's start"


def _turn(at: datetime | None, late: timedelta) -> tuple[SafeString, SafeString | str]:
    if at is None:
        return marks.state("waiting", "not yet"), marks.NOTHING
    shape, words = ("done", "in time") if beats.is_recent(at, late) else ("waiting", "late")
    return marks.state(shape, words), marks.moment(at)


def _run_url(job: Job) -> str:
    return reverse(RUN, args=[job.name])

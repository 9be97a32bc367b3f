"""The admin of this service: its first page says how everything stands, and its menu is in the order of work."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import AdminSite, autodiscover
from django.contrib.auth import logout
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audit.pages import charts, marks, runbook
from dead_letters import causes
from dead_letters.models import Cause, ReplayBatch
from instagram_webhooks.desk import beats, find, health
from instagram_webhooks.desk.people import second_factor, second_factor_page
from instagram_webhooks.inbox import minutes

# Minutes of a bar, and bars of the chart.
RANGES = {"1h": (1, 60), "24h": (20, 72), "7d": (120, 84)}
USUAL = "24h"
REPLAYS_SHOWN = 20
ABOUT = ("instagram_webhooks.view_webhookevent", "instagram_webhooks.view_account", "dead_letters.view_cause")
MENU = {
    "Attention": ("incident", "cause", "deadletter", "replaybatch", "blockedconversation"),
    "Messages": ("webhookevent", "conversation", "account"),
    "Works by itself": ("worker", "turn"),
    "Records": ("auditentry", "taskresult"),
    "People": ("user", "group", "authtoken"),
}
# Where the newest of what a chart counts are listed.
LISTS = {"received": {}, "processed": {"state": "processed"}, "dead": {"state": "dead"}}


class Desk(AdminSite):
    """Django's admin with our first page."""

    site_header = site_title = "Instagram Webhooks"
    index_title = "How everything stands"
    site_url = None  # there is no other site to view
    index_template = "instagram_webhooks/dashboard.html"

    def get_urls(self) -> Any:
        """Loads the pages of all packages: only now does this process show any."""
        autodiscover()
        own = [
            path("find/", self.admin_view(self.find), name="find"),
            path("runbook/", self.admin_view(self.runbook), name="runbook"),
            path("second-factor/", self.second_factor, name="second_factor"),
        ]
        return [*own, *super().get_urls()]

    def check(self, app_configs: Any) -> list[CheckMessage]:
        """Of all pages, also where none was asked for yet."""
        autodiscover()
        return super().check(app_configs)

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff, and with all that this person must show."""
        return super().has_permission(request) and not second_factor.is_missing(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Asks for a password, and sends on who still lacks a second factor."""
        if request.method == "GET" and super().has_permission(request) and second_factor.is_missing(request):
            going_to = {second_factor_page.NEXT: request.GET.get(second_factor_page.NEXT, "")}
            return HttpResponseRedirect(reverse("admin:second_factor", query=going_to))
        return super().login(request, extra_context)

    def second_factor(self, request: HttpRequest) -> HttpResponse:
        """For whoever has shown a password, and may leave again."""
        if request.method == "POST" and "leave" in request.POST:
            logout(request)
        if not super().has_permission(request):
            return HttpResponseRedirect(reverse("admin:login"))
        if not second_factor.is_missing(request) and request.method == "GET":
            return HttpResponseRedirect(reverse("admin:index"))
        return second_factor_page.page(request, self.each_context(request))

    def find(self, request: HttpRequest) -> HttpResponse:
        """Where is my message?"""
        return find.page(request, self.each_context(request))

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Figures for those who may see what they are about; the menu for everybody."""
        about = _dashboard(request) if request.user.has_perms(ABOUT) else {}
        return super().index(request, {**(extra_context or {}), **about})

    def runbook(self, request: HttpRequest) -> TemplateResponse:
        """What every alert, code and check means and asks for; for everybody who may be here."""
        about = {**self.each_context(request), "title": "Runbook", "parts": runbook.parts()}
        return TemplateResponse(request, "instagram_webhooks/runbook.html", about)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """By what people do, not by the package that does it; all of one package where Django asks for that."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        pages = {page["model"]._meta.model_name: page for app in apps for page in app["models"]}
        if "worker" in pages:
            pages["worker"]["name"] = "Queues and workers"
        found = []
        for title, names in MENU.items():
            of_it = [pages.pop(name) for name in names if name in pages]
            if of_it:
                found.append(_group(title, of_it))
        found += [_group("More", list(pages.values()))] if pages else []
        return found + ([_group("Help", [_runbook()])] if found else [])  # who may see nothing is told so instead


def _runbook() -> dict[str, Any]:
    """As Django has it of a list, for the one page of the menu that shows no rows."""
    url = reverse("admin:runbook")
    return {"name": "Runbook", "object_name": "Runbook", "admin_url": url, "add_url": None, "view_only": True}


def _group(title: str, pages: list[Any]) -> dict[str, Any]:
    """As Django has it of an app; its heading leads to the first of its pages."""
    label = title.lower().replace(" ", "-")
    about = {"name": title, "app_label": label, "app_url": pages[0]["admin_url"], "has_module_perms": True}
    return {**about, "models": pages}


def _dashboard(request: HttpRequest) -> dict[str, object]:
    now = health.health()
    found = health.troubles(now)
    chosen = request.GET.get("range", USUAL)
    chosen = chosen if chosen in RANGES else USUAL
    width, buckets = RANGES[chosen]
    spans = minutes.spans(buckets=buckets, minutes=width)
    begins = spans[0].begun if spans else None
    ends = spans[-1].begun + timedelta(minutes=width) if spans else None
    may_see = request.user.has_perm("dead_letters.view_replaybatch")
    replays = _replays(begins, ends) if begins and ends and may_see else []
    return {
        "now": now,
        "sentence": health.sentence(now, found),
        "is_grave": any(trouble.is_grave for trouble in found),
        "troubles": [(each.words, _leads_to(each)) for each in found],
        "shown_causes": _causes(now.pressing.most),
        "latest": [marks.lasted(ms) for ms in minutes.latest_ms() or ()],
        "oldest": "not found in time" if now.oldest_s is None else marks.span(now.oldest_s) if now.oldest_s else "none",
        "blocked": "not counted in time" if now.blocked is None else health.capped(now.blocked),
        "itself": _itself(now),
        "replays": replays,
        "workers_url": reverse(f"admin:{health.WORKERS}_changelist"),
        "blocked_url": reverse("admin:instagram_webhooks_blockedconversation_changelist"),
        "processed_url": _events("processed"),
        "charts": _charts(spans, [(at, f"replay {batch.name}") for batch, at in replays]),
        "ranges": [(name, name == chosen) for name in RANGES],
        "begins": begins,
        "ends": ends,
    }


def _leads_to(trouble: health.Trouble) -> str:
    if not trouble.page:
        return ""
    if trouble.key is not None:
        return reverse(f"admin:{trouble.page}_change", args=[trouble.key])
    return reverse(f"admin:{trouble.page}_changelist")


def _causes(pressing: Sequence[Cause]) -> list[tuple[Cause, str, SafeString]]:
    figures = causes.figures([cause.pk for cause in pressing])
    found = []
    for cause in pressing:
        of_it = figures[cause.pk]
        says = f"{sum(of_it.hours):,} died of it in the last 24 hours"
        found.append((cause, health.capped(of_it.open_letters), charts.bars(of_it.hours, says=says)))
    return found


def _replays(begins: datetime, ends: datetime) -> list[tuple[ReplayBatch, float]]:
    """The replays that people began in this time, the newest first, each with how far into it (0 to 1)."""
    begun = ReplayBatch.objects.filter(created_at__gte=begins, created_at__lt=ends).order_by("-created_at")
    return [(batch, (batch.created_at - begins) / (ends - begins)) for batch in begun[:REPLAYS_SHOWN]]


def _charts(spans: list[minutes.Span], lines: Sequence[tuple[float, str]]) -> list[tuple[str, str, int, SafeString]]:
    found = []
    for name in LISTS if spans else ():
        values = [getattr(span, name) for span in spans]
        says = f"{sum(values):,} {name}, {max(values):,} in one bar at most"
        found.append((name, _events(name), sum(values), charts.bars(values, says=says, kind=name, marks=lines)))
    return found


def _events(counted: str) -> str:
    return reverse("admin:instagram_webhooks_webhookevent_changelist", query=LISTS[counted])


def _itself(now: health.Health) -> list[tuple[str, SafeString, SafeString | str]]:
    """What works by itself: the page about it, its state and since when."""
    workers, upkeep = (reverse(f"admin:{page}_changelist") for page in (health.WORKERS, health.UPKEEP))
    sweeps = beats.is_recent(now.swept_at, beats.SWEEP_LATE)
    told = (
        (workers, "done" if now.workers else "failed", health.many(now.workers, "worker"), "pulse", now.last_pulse_at),
        (upkeep, "done" if sweeps else "waiting", "sweep", "begun", now.swept_at),
        (upkeep, "done" if now.beat.is_heard else "waiting", "beat", "heard", now.beat.at),
    )
    return [(url, marks.state(shape, words), _told(what, at)) for url, shape, words, what, at in told]


def _told(what: str, at: datetime | None) -> SafeString | str:
    return format_html("{} {}", what, marks.ago(at)) if at else "never yet"

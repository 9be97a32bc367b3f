"""The admin of this service: its first page says how everything stands, and its menu is in the order of work."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.admin import AdminSite, autodiscover
from django.core.checks import CheckMessage
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from audit.pages import charts, runbook
from dead_letters import causes
from dead_letters.models import Cause
from instagram_webhooks.desk import health
from instagram_webhooks.inbox import minutes

# Minutes of a bar, and bars of the chart.
RANGES = {"1h": (1, 60), "24h": (20, 72), "7d": (120, 84)}
USUAL = "24h"
ABOUT = ("instagram_webhooks.view_webhookevent", "instagram_webhooks.view_account", "dead_letters.view_cause")
MENU = {
    "Attention": ("incident", "cause", "deadletter", "replaybatch", "blockedconversation"),
    "Messages": ("webhookevent", "conversation", "account"),
    "Records": ("auditentry", "taskresult"),
    "People": ("user", "group", "authtoken"),
}


class Desk(AdminSite):
    """Django's admin with our first page."""

    site_header = site_title = "Instagram Webhooks"
    index_title = "How everything stands"
    index_template = "instagram_webhooks/dashboard.html"

    def get_urls(self) -> Any:
        """Loads the pages of all packages: only now does this process show any."""
        autodiscover()
        return [path("runbook/", self.admin_view(self.runbook), name="runbook"), *super().get_urls()]

    def check(self, app_configs: Any) -> list[CheckMessage]:
        """Of all pages, also where none was asked for yet."""
        autodiscover()
        return super().check(app_configs)

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
        found = []
        for title, names in MENU.items():
            of_it = [pages.pop(name) for name in names if name in pages]
            if of_it:
                found.append(_group(title, of_it))
        return found + ([_group("More", list(pages.values()))] if pages else [])


def _group(title: str, pages: list[Any]) -> dict[str, Any]:
    """As Django has it of an app; its heading leads to the first of its pages."""
    about = {"name": title, "app_label": title.lower(), "app_url": pages[0]["admin_url"], "has_module_perms": True}
    return {**about, "models": pages}


def _dashboard(request: HttpRequest) -> dict[str, object]:
    now = health.health()
    found = health.troubles(now)
    chosen = request.GET.get("range", USUAL)
    chosen = chosen if chosen in RANGES else USUAL
    width, buckets = RANGES[chosen]
    spans = minutes.spans(buckets=buckets, minutes=width)
    return {
        "now": now,
        "sentence": health.sentence(now, found),
        "is_grave": any(trouble.is_grave for trouble in found),
        "troubles": [(each.words, each.page and reverse(f"admin:{each.page}_changelist")) for each in found],
        "shown_causes": _causes(now.pressing.most),
        "latest_ms": minutes.latest_ms(),
        "oldest": health.span(now.oldest_s) if now.oldest_s else "none",
        "blocked": "not counted in time" if now.blocked is None else health.capped(now.blocked),
        "charts": _charts(spans),
        "ranges": [(name, name == chosen) for name in RANGES],
        "begins": spans[0].begun if spans else None,
        "ends": spans[-1].begun + timedelta(minutes=width) if spans else None,
    }


def _causes(pressing: Sequence[Cause]) -> list[tuple[Cause, str, SafeString]]:
    figures = causes.figures([cause.pk for cause in pressing])
    found = []
    for cause in pressing:
        of_it = figures[cause.pk]
        says = f"{sum(of_it.hours):,} died of it in the last 24 hours"
        found.append((cause, health.capped(of_it.open_letters), charts.bars(of_it.hours, says=says)))
    return found


def _charts(spans: list[minutes.Span]) -> list[tuple[str, int, SafeString]]:
    found = []
    for name in ("received", "processed", "dead") if spans else ():
        values = [getattr(span, name) for span in spans]
        says = f"{sum(values):,} {name}, {max(values):,} in one bar at most"
        found.append((name, sum(values), charts.bars(values, says=says, kind=name)))
    return found

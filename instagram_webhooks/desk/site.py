"""The admin of this service: its first page says how everything stands, and its menu is in the order of work."""

from typing import Any

from django.contrib.admin import AdminSite, autodiscover
from django.core.checks import CheckMessage
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString

from audit.pages import charts
from instagram_webhooks.desk import health
from instagram_webhooks.inbox import minutes

# Minutes of a bar, and bars of the chart.
RANGES = {"1h": (1, 60), "24h": (20, 72), "7d": (120, 84)}
USUAL = "24h"
MENU = {
    "Attention": ("cause", "deadletter", "blockedconversation"),
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
        return super().get_urls()

    def check(self, app_configs: Any) -> list[CheckMessage]:
        """Of all pages, also where none was asked for yet."""
        autodiscover()
        return super().check(app_configs)

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Figures for those who may see events; the menu for everybody."""
        about = _dashboard(request) if request.user.has_perm("instagram_webhooks.view_webhookevent") else {}
        return super().index(request, {**(extra_context or {}), **about})

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
    about = {"name": title, "app_label": title.lower(), "app_url": reverse("admin:index"), "has_module_perms": True}
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
        "is_well": not found,
        "is_grave": any(trouble.is_grave for trouble in found),
        "troubles": [(trouble.words, _list_of(trouble.page)) for trouble in found],
        "shown_causes": [
            (cause, cause.figures.open_letters, charts.bars(cause.figures.hours, says=cause.summary))  # type: ignore[attr-defined]
            for cause in now.causes[: health.CAUSES_SHOWN]
        ],
        "latest_ms": minutes.latest_ms(),
        "oldest": health.span(now.oldest_s) if now.oldest_s else "",
        "charts": _charts(spans),
        "ranges": [(name, name == chosen) for name in RANGES],
        "begun": spans[0].begun,
    }


def _charts(spans: list[minutes.Span]) -> list[tuple[str, int, SafeString]]:
    found = []
    for name in ("received", "processed", "dead"):
        values = [getattr(span, name) for span in spans]
        says = f"{sum(values):,} {name}, {max(values):,} in one bar at most"
        found.append((name, sum(values), charts.bars(values, says=says, kind=name)))
    return found


def _list_of(model: str) -> str:
    """The address of the list of this model; "" where there is none."""
    app = "dead_letters" if model == "cause" else "instagram_webhooks"
    try:
        return reverse(f"admin:{app}_{model}_changelist") if model else ""
    except NoReverseMatch:
        return ""

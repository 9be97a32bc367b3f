"""Where is my message? One search for whatever id a person has in hand, answered in sentences."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.pages import marks
from audit.pages.limits import in_time
from instagram_webhooks.desk import trace
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.desk.telling import story, told
from instagram_webhooks.inbox import refusals
from instagram_webhooks.models import Account, Arrival

RIGHT = "instagram_webhooks.view_webhookevent"
LONGEST_KEY = 300  # Meta's ids of messages have up to 200 characters
LONGEST_MS = 2000  # the events of a silent account have no index: one walks back until they are found
TOLD, HEARD_SHOWN = 20, 5
LATELY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event on the page. whole: all there is to know of it, to be copied into a ticket; without personal data."""

    event: Event
    state: SafeString
    story: str
    url: str
    whole: str


def page(request: HttpRequest, about: dict[str, Any]) -> HttpResponse:
    """What is known of `q`; what that may be, where there is none. `about`: what every page has."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    sought = request.GET.get("q", "").strip()[:LONGEST_KEY]
    known: dict[str, Any] = {"title": "Where is my message?", "sought": sought, "looked_for": trace.LOOKED_FOR}
    if sought:
        found = in_time(lambda: trace.find(sought), ms=LONGEST_MS)
        known |= {"is_late": True} if found is None else _of(found) if found.events else _of_nothing()
    return TemplateResponse(request, "instagram_webhooks/find.html", {**about, **known})


def _of(found: trace.Found) -> dict[str, Any]:
    """The latest first; where it is one event, with all that happened to it."""
    latest = found.events[::-1][:TOLD]
    events = shown(latest, timeline=True)
    more = {"count": marks.capped(len(found.events) + found.is_cut, trace.MOST), "is_one": len(found.events) == 1,
            "is_cut": len(found.events) > TOLD}  # fmt: skip
    steps = events[0].get("timeline", []) if len(events) == 1 else []
    return {"told": [_told(event) for event in events], "steps": steps, **more}


def _told(event: Event) -> Told:
    url = reverse("admin:instagram_webhooks_webhookevent_change", args=[event["event_id"]])
    return Told(event=event, state=marks.state(event["state"]), story=story(event), url=url, whole=told(event))


def _of_nothing() -> dict[str, Any]:
    """What else came, so that silence can be told from a wrong id."""
    now = timezone.now()
    refused = refusals.refused_between(now - LATELY, now)
    return {"is_nothing": True, "arrivals": _arrivals(), "refused": refused}


def _arrivals() -> list[tuple[str, SafeString | str]]:
    """The accounts that were heard of last, and when; as it was noted within the last minute or two."""
    newest = list(Arrival.objects.order_by("-last_at")[:HEARD_SHOWN])
    known = Account.objects.filter(account_id__in=[each.account for each in newest])
    labels = {(each.provider, each.account_id): str(each) for each in known}
    return [
        (labels.get((each.provider, each.account), f"{each.provider} {each.account}"), marks.moment(each.last_at))
        for each in newest
    ]

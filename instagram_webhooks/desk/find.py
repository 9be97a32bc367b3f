"""Where is my message? One search for whatever id a person has in hand, answered in sentences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from audit.pages import marks
from audit.pages.limits import in_time
from audit.pages.links import that_may_be_seen
from dead_letters.models import DeadLetter
from instagram_webhooks.desk import trace
from instagram_webhooks.desk.account_links import add_accounts
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.desk.step_words import lines
from instagram_webhooks.desk.telling import story, told
from instagram_webhooks.inbox import refusals
from instagram_webhooks.models import Account, Arrival, Conversation, WebhookEvent

LETTER = "dead_letters.deadletter"
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
    links: list[tuple[str, str]]
    whole: str


def page(request: HttpRequest, about: dict[str, Any]) -> HttpResponse:
    """What is known of `q`; what that may be, where there is none. `about`: what every page has."""
    if not request.user.has_perm(RIGHT):
        raise PermissionDenied
    sought = request.GET.get("q", "").strip()[:LONGEST_KEY]
    known: dict[str, Any] = {"title": "Where is my message?", "sought": sought, "looked_for": trace.LOOKED_FOR}
    if sought:
        found = in_time(lambda: trace.find(sought), ms=LONGEST_MS)
        known |= {"is_late": True} if found is None else _of(found, request.user.has_perm)
    return TemplateResponse(request, "instagram_webhooks/find.html", {**about, **known})


def _of(found: trace.Found, allowed: Callable[[str], bool]) -> dict[str, Any]:
    """The latest first; where it is one event, with all that happened to it."""
    if not found.events:
        return _of_nothing()
    latest = found.events[::-1][:TOLD]
    events = shown(latest, timeline=True)
    more = {"count": marks.capped(len(found.events) + found.is_cut, trace.MOST), "is_one": len(found.events) == 1,
            "is_cut": len(found.events) > TOLD}  # fmt: skip
    steps = lines(events[0].get("timeline", [])) if len(events) == 1 else []
    links = _links(latest, allowed)
    told_of = [_told(event, links[row.pk]) for row, event in zip(latest, events, strict=True)]
    return {"told": told_of, "steps": steps, **more}


def _told(event: Event, links: list[tuple[str, str]]) -> Told:
    return Told(event=event, state=marks.state(event["state"]), story=story(event), links=links, whole=told(event))


def _links(events: Sequence[WebhookEvent], allowed: Callable[[str], bool]) -> dict[UUID, list[tuple[str, str]]]:
    """Where to go on from each: what it died of last, its own page, its conversation and its account."""
    add_accounts(events, allowed)
    conversations = Conversation.objects.filter(pk__in={event.conversation_id for event in events})
    known = set(conversations.values_list("pk", flat=True))
    letters = DeadLetter.objects.filter(subject_id__in=[event.pk for event in events]).order_by("created_at", "id")
    died = {letter.subject_id: letter for letter in letters.defer("frames")}
    found = {}
    for event in events:
        letter, account = died.get(event.pk), event.account_of_it  # type: ignore[attr-defined]
        conversation = event.conversation_id if event.conversation_id in known else None
        pages = (
            (letter and f"Dead letter ({letter.status}): {letter.summary}", LETTER, letter and letter.pk),
            ("Its event", "instagram_webhooks.webhookevent", event.pk),
            ("Its conversation", "instagram_webhooks.conversation", conversation),
            (f"Its account: {account}", "instagram_webhooks.account", account and account.pk),
        )
        found[event.pk] = that_may_be_seen(pages, allowed)
    return found


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

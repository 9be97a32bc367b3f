"""What was written in a conversation, opened for one look: with a right, a reason and an audit entry each time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from audit.log import record
from audit.pages.asks import ReasonForm
from instagram_webhooks.errors import PayloadSealBroken
from instagram_webhooks.models import Conversation, Message
from instagram_webhooks.replies import thread

RIGHTS = ("instagram_webhooks.view_payload", "instagram_webhooks.view_conversation")
SHOWN = 50
CONVERSATION = "admin:instagram_webhooks_conversation_change"
PAGE = "admin:instagram_webhooks_conversation_open"
ASKS, SHOWS = "instagram_webhooks/open.html", "instagram_webhooks/opened.html"


@dataclass(frozen=True, slots=True)
class Said:
    """One message, opened. Personal data: for a page that nobody keeps."""

    at: datetime
    author: str
    text: str
    beside: str


def may_open(request: HttpRequest) -> bool:
    """Whether this person may read what customers wrote."""
    return bool(request.user.has_perms(RIGHTS))


@never_cache
def page(request: HttpRequest, about: dict[str, Any], conversation_id: str) -> HttpResponse:
    """GET asks why; POST writes that down and shows the latest messages, this once. `about`: what every page has."""
    if not may_open(request):
        raise PermissionDenied
    conversation = Conversation.objects.filter(pk=conversation_id).defer("sealed_partner").first()
    if conversation is None:
        raise Http404
    back = reverse(CONVERSATION, args=[conversation.pk])
    about = {**about, "back_url": back, "back_to": "One conversation", "title": "Open what was written"}
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        here = reverse(PAGE, args=[conversation.pk])
        asked = {"act_url": here, "submit": "Show the messages", "form": form, "media": form.media}
        return TemplateResponse(request, ASKS, about | asked)
    newest = list(conversation.message_set.order_by("-happened_at", "-id")[:SHOWN])
    # First: what was shown and is not written down would be worse than the other way round.
    record(
        "conversation.opened",
        subject_id=conversation.pk,
        provider=conversation.provider,
        actor=request.user.get_username(),
        detail={"count": len(newest)},
        reason=form.cleaned_data["reason"],
    )
    return TemplateResponse(request, SHOWS, about | {"said": list(_said(newest)), "title": "What was written"})


def _said(messages: list[Message]) -> Iterator[Said]:
    for message in reversed(messages):
        try:
            said = thread.opened(message)
        except PayloadSealBroken:
            yield Said(message.happened_at, message.author, "", "sealed with a key that is not here")
            continue
        beside = ["deleted by the customer"] if message.deleted_at else []
        beside += [str(each.get("type") or "attachment") for each in said.get("attachments") or ()]
        beside += [f"tapped {said['quick_reply']}"] if said.get("quick_reply") else []
        yield Said(message.happened_at, message.author, said.get("text") or "", ", ".join(beside))

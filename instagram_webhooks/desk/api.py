"""Events over REST: browse them, and look at one with all that happened to it."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dead_letters.filters import narrowed
from dead_letters.models import DeadLetter
from instagram_webhooks.desk.event import shown
from instagram_webhooks.desk.pages import page_of
from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import EventState


class EventList(APIView):
    """Newest first, in pages. Any user with a token may read: an event holds no personal data."""

    def get(self, request: Request) -> Response:
        page = page_of(_asked_for(request.query_params.dict()), request)
        return Response({"next": page.next, "previous": page.previous, "results": shown(page.rows)})


class EventDetail(APIView):
    def get(self, request: Request, event_id: UUID) -> Response:
        event = WebhookEvent.objects.filter(pk=event_id).first()
        if event is None:
            raise NotFound
        (one,) = shown([event], timeline=True)
        return Response(one)


def _asked_for(query: dict[str, str]) -> QuerySet[WebhookEvent]:
    """The events that a query string asks for. `code`: those with a dead letter of that error code."""
    events = narrowed(
        WebhookEvent.objects.all(),
        query,
        exactly={"state": "state", "provider": "provider", "kind": "kind", "account": "account"},
        choices={"state": EventState.values, "provider": PROVIDERS},
        time="received_at",
        beside=("code",),
    )
    if "code" not in query:
        return events
    asked = {"code": query["code"]}
    letters = narrowed(DeadLetter.objects.all(), asked, exactly={"code": "code"}, choices={}, time="created_at")
    return events.filter(event_id__in=letters.values("subject_id"))

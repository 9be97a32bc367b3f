"""Events over REST: browse them, and look at one with all that happened to it."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.filters import Filter
from audit.rest.views import ApiView, ListView
from dead_letters.models import DeadLetter
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import EventState


def _died_of(code: str) -> Q:
    return Q(event_id__in=DeadLetter.objects.filter(code=code).values("subject_id"))


class EventList(ListView[WebhookEvent]):
    """Newest first, in pages. Any user with a token may read: an event holds no personal data."""

    queryset = WebhookEvent.objects.all()
    order = ("-received_at", "-event_id")
    time = "received_at"
    filters = (
        Filter(name="state", means="where it stands", choices=EventState.values),
        Filter(name="provider", means="whose webhook it was", choices=PROVIDERS),
        Filter(name="kind", means="what happened"),
        Filter(name="account", means="Meta's id of the business account"),
        Filter(name="code", means="of the error of a dead letter of it", rows=_died_of),
    )

    def told(self, rows: list[WebhookEvent]) -> Sequence[Event]:
        return shown(rows)


class EventDetail(ApiView):
    """One event with its timeline."""

    def get(self, _request: Request, event_id: UUID) -> Response:
        event = WebhookEvent.objects.filter(pk=event_id).first()
        if event is None:
            raise NotFound
        (one,) = shown([event], timeline=True)
        return Response(one)

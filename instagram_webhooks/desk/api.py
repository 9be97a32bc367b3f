"""Events over REST: browse them, look at one with all that happened to it, or find them by any id."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from audit.pages.limits import in_time
from audit.rest.filters import Filter, refuse_unknown
from audit.rest.problems import BadFilter, TooBroad
from audit.rest.views import ApiView, ListView
from dead_letters.models import DeadLetter
from instagram_webhooks.desk import trace
from instagram_webhooks.desk.event import Event, shown
from instagram_webhooks.desk.serializers import EventDetailSerializer, EventSerializer, TraceSerializer
from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import EventState

LIMIT_MS = 5000
LONGEST_KEY = 512


def _died_of(code: str) -> Q:
    return Q(event_id__in=DeadLetter.objects.filter(code=code).values("subject_id"))


class EventList(ListView[WebhookEvent]):
    """Events, newest first.

    Any user with a token may read: an event holds no personal data.
    """

    queryset = WebhookEvent.objects.all()
    serializer_class = EventSerializer
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

    serializer_class = EventDetailSerializer

    def get(self, _request: Request, event_id: UUID) -> Response:
        event = WebhookEvent.objects.filter(pk=event_id).first()
        if event is None:
            raise NotFound
        (one,) = shown([event], timeline=True)
        return Response(one)


class Trace(ApiView):
    """All that is known under an id, oldest first: as `manage.py trace --json` prints it."""

    serializer_class = TraceSerializer
    codes = ("bad_filter", "unknown_parameter", "too_broad")
    parameters = (
        OpenApiParameter("key", {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY}, required=True,
                         description=f"An id: {trace.LOOKED_FOR}."),
    )  # fmt: skip

    def get(self, request: Request) -> Response:
        query = request.query_params.dict()
        refuse_unknown(query, known=("key",))
        key = query.get("key", "")
        if not 1 <= len(key) <= LONGEST_KEY:
            raise BadFilter(f"key is the id of one of these: {trace.LOOKED_FOR}; up to {LONGEST_KEY} characters.")
        found = in_time(lambda: trace.find(key), ms=LIMIT_MS)
        if found is None:
            raise TooBroad
        return Response({"query": key, "events": shown(found.events, timeline=True), "is_cut": found.is_cut})

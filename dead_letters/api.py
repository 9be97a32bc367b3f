"""Dead letters over REST: browse, look at one, and act on one with a reason."""

from typing import ClassVar

from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from audit.rest.filters import Filter
from audit.rest.problems import Conflict, ReasonRequired
from audit.rest.views import ApiView, ListView
from dead_letters import review
from dead_letters.models import DeadLetter, Status
from dead_letters.serializers import DeadLetterDetailSerializer, DeadLetterSerializer, ReasonSerializer

ACT_PERMISSION = "dead_letters.act_on_deadletter"


class DeadLetterList(ListView[DeadLetter]):
    """Newest first."""

    queryset = DeadLetter.objects.defer("frames")
    serializer_class = DeadLetterSerializer
    order = ("-created_at", "-id")
    time = "created_at"
    filters = (
        Filter(name="status", means="where it stands", choices=Status.values),
        Filter(name="provider", means="of its event"),
        Filter(name="kind", means="of its event"),
        Filter(name="account", means="Meta's id of the business account", column="account_label"),
        Filter(name="code", means="of the error"),
    )


class DeadLetterDetail(ApiView, generics.RetrieveAPIView[DeadLetter]):
    """One dead letter, with what is known before an act."""

    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterDetailSerializer


class DeadLetterAct(ApiView, generics.GenericAPIView[DeadLetter]):
    """One act on one dead letter; the URL says which."""

    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterSerializer
    act_rights = (ACT_PERMISSION,)
    act: ClassVar[str] = ""  # set by as_view(); a key of review.ACTS

    def post(self, request: Request, **_: object) -> Response:
        letter = self.get_object()
        body = ReasonSerializer(data=request.data)
        if not body.is_valid():
            raise ReasonRequired
        (outcome,) = review.ACTS[self.act](
            [letter.pk], reason=body.validated_data["reason"], actor=request.user.get_username()
        )
        if not outcome.is_done:
            raise Conflict(f"Nothing was changed: {outcome.why}.", code=outcome.result.value)
        letter.refresh_from_db()
        accepted = status.HTTP_202_ACCEPTED if self.act in ("replay", "send_again") else status.HTTP_200_OK
        return Response(self.get_serializer(letter).data, status=accepted)

"""Dead letters over REST: browse, look at one, and act on one with a reason."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import generics, status
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dead_letters import review
from dead_letters.filters import narrowed
from dead_letters.models import DeadLetter, Status
from dead_letters.pages import NewestFirst
from dead_letters.serializers import DeadLetterDetailSerializer, DeadLetterSerializer, ReasonSerializer

ACT_PERMISSION = "dead_letters.act_on_deadletter"


class ReasonRequired(APIException):
    """An act came without a usable reason."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "reason_required"
    default_detail = 'Say why, as {"reason": "…"}, in 1 to 500 characters: it goes into the audit log.'


class Conflict(APIException):
    """The dead letter is not in a state that allows the act."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "The dead letter is not in a state that allows this."


class MayAct(BasePermission):
    message = "You may look at dead letters but not act on them."

    def has_permission(self, request: Request, _view: APIView) -> bool:
        return request.user.has_perm(ACT_PERMISSION)


class DeadLetterList(generics.ListAPIView[DeadLetter]):
    pagination_class = NewestFirst
    serializer_class = DeadLetterSerializer

    def get_queryset(self) -> QuerySet[DeadLetter]:
        return narrowed(
            DeadLetter.objects.defer("frames"),
            self.request.query_params.dict(),
            exactly={
                "status": "status",
                "provider": "provider",
                "kind": "kind",
                "account": "account_label",
                "code": "code",
            },
            choices={"status": Status.values},
            time="created_at",
        )


class DeadLetterDetail(generics.RetrieveAPIView[DeadLetter]):
    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterDetailSerializer


class DeadLetterAct(generics.GenericAPIView[DeadLetter]):
    """One act on one dead letter; the URL says which."""

    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterSerializer
    permission_classes = (IsAuthenticated, MayAct)
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

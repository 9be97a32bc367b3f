"""Dead letters over REST: browse, look at one, and act on one with a reason."""

from typing import Any, ClassVar

from rest_framework import generics
from rest_framework.request import Request

from audit.rest.filters import Filter
from audit.rest.problems import Conflict
from audit.rest.views import ActView, ApiView, ListView
from dead_letters import review
from dead_letters.models import DeadLetter, Status
from dead_letters.serializers import DeadLetterDetailSerializer, DeadLetterSerializer

ACT_PERMISSION = "dead_letters.act_on_deadletter"
ACT_SUMMARIES = {
    "replay": "Send its event back to work",
    "resolve": "It was put right by other means",
    "discard": "Nothing will be done about it",
    "reopen": "Open a resolved or discarded one again",
    "arrived": "Its answer arrived after all, by a person's word",
    "send_again": "Its answer did not arrive, by a person's word, and is sent again",
}


class DeadLetterList(ListView[DeadLetter]):
    """Dead letters, newest first."""

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
        Filter(name="cause", means="the id of its cause", column="cause_id", is_id=True),
    )


class DeadLetterDetail(ApiView, generics.RetrieveAPIView[DeadLetter]):
    """One dead letter, with what is known before an act."""

    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterDetailSerializer


class DeadLetterAct(ActView[DeadLetter]):
    """One act on one dead letter; the URL says which."""

    queryset = DeadLetter.objects.all()
    serializer_class = DeadLetterSerializer
    act_rights = (ACT_PERMISSION,)
    codes = ("not_open", "not_closed", "refused", "unknown")
    act: ClassVar[str] = ""  # set by as_view(), as `done` is; a key of review.ACTS

    def answer(self, request: Request) -> Any:
        letter, said = self.get_object(), self.said(request)
        (outcome,) = review.ACTS[self.act]([letter.pk], reason=said["reason"], actor=request.user.get_username())
        if not outcome.is_done:
            raise Conflict(f"Nothing was changed: {outcome.why}.", code=outcome.result.value)
        letter.refresh_from_db()
        return self.get_serializer(letter).data

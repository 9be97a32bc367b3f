"""Causes over REST: what dies of which cause, and what people say of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, serializers
from rest_framework.request import Request

from audit.log import REASON_LIMIT
from audit.rest.bodies import Number, ReasonBody, StrictBody, Text
from audit.rest.filters import Filter
from audit.rest.problems import Conflict
from audit.rest.views import ActView, ApiView, ListView
from dead_letters import causes
from dead_letters.models import Cause, CauseState

LONGEST_H = 720
VIEW_RIGHTS = ("dead_letters.view_cause",)


class CauseSerializer(serializers.ModelSerializer[Cause]):
    """Why things die: one for any number of dead letters that failed in the same way."""

    # The figures are in the context, by id: three queries a page.

    graph_code = serializers.IntegerField(source="upstream_code", allow_null=True)
    graph_subcode = serializers.IntegerField(source="upstream_subcode", allow_null=True)
    last_seen_at = serializers.DateTimeField(allow_null=True, help_text="When the newest died of it.")
    may_become = serializers.SerializerMethodField(help_text="What can be said of it now.")
    open_letters = serializers.SerializerMethodField(help_text=f"{causes.OPEN_CAP} where it is that or more.")
    died_by_hour = serializers.SerializerMethodField(help_text="Of the last 24 hours, the running one last.")
    accounts = serializers.SerializerMethodField(help_text="How many accounts those were of.")

    class Meta:
        model = Cause
        fields = (
            *("id", "state", "code", "graph_code", "graph_subcode", "error_class", "summary", "place"),
            *("first_seen_at", "last_seen_at", "recurred_at", "ignored_until", "changed_at", "changed_by", "note"),
            *("may_become", "open_letters", "died_by_hour", "accounts"),
        )
        read_only_fields = fields

    def _figures(self, cause: Cause) -> causes.Figures:
        found: causes.Figures = self.context["figures"][cause.pk]
        return found

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(CauseState.choices)))
    def get_may_become(self, cause: Cause) -> list[str]:
        return [str(state) for state in causes.may_become(cause)]

    def get_open_letters(self, cause: Cause) -> int:
        return min(self._figures(cause).open_letters, causes.OPEN_CAP)

    def get_died_by_hour(self, cause: Cause) -> list[int]:
        return list(self._figures(cause).hours)

    def get_accounts(self, cause: Cause) -> int:
        return self._figures(cause).accounts


class IgnoreBody(ReasonBody):
    """For how long a cause is ignored, and why."""

    hours = Number(min_value=1, max_value=LONGEST_H, help_text="From now on; then it is open again.")


class NoteBody(StrictBody):
    """What the next one who looks at a cause should know."""

    note = Text(max_length=REASON_LIMIT, help_text="It takes the place of the one before. No names.")


class _OfCauses(ApiView, generics.GenericAPIView[Cause]):
    """What all views of causes have in common."""

    queryset = Cause.objects.annotate(last_seen_at=causes.LAST_SEEN)
    serializer_class = CauseSerializer
    rights = VIEW_RIGHTS
    act_rights = causes.ACT_RIGHTS

    def with_figures(self, rows: Sequence[Cause]) -> Sequence[Any]:
        """As they are answered; three queries for any number of causes."""
        figures = causes.figures([row.pk for row in rows])
        return list(CauseSerializer(rows, many=True, context={"figures": figures}).data)


class CauseList(_OfCauses, ListView[Cause]):
    """Causes, the newest first by their first death."""

    order = ("-first_seen_at", "-id")
    time = "first_seen_at"
    filters = (
        Filter(name="state", means="what was said of it", choices=CauseState.values),
        Filter(name="code", means="of the error"),
    )

    def told(self, rows: list[Cause]) -> Sequence[Any]:
        return self.with_figures(rows)


class CauseDetail(_OfCauses, generics.RetrieveAPIView[Cause]):
    """One cause."""

    def get_serializer_context(self) -> dict[str, Any]:
        found = causes.figures([self.kwargs["pk"]]) if "pk" in self.kwargs else {}
        return {**super().get_serializer_context(), "figures": found}


class CauseSay(_OfCauses, ActView[Cause]):
    """Says something of a cause; its dead letters stay as they are."""

    state: ClassVar[CauseState] = CauseState.OPEN  # set by as_view()
    codes = ("conflict",)

    def answer(self, request: Request) -> Any:
        cause, said = self.get_object(), self.said(request)
        until = datetime.now(UTC) + timedelta(hours=said["hours"]) if "hours" in said else None
        is_moved = causes.say(
            cause.pk, self.state, actor=request.user.get_username(), reason=said["reason"], until=until
        )
        cause = self.get_object()
        if not is_moved:
            raise Conflict(f"Nothing was changed: it is {cause.state}, and cannot become {self.state}.")
        return self.with_figures([cause])[0]


class CauseNote(_OfCauses, ActView[Cause]):
    """Keeps a note at a cause."""

    body_class = NoteBody

    def answer(self, request: Request) -> Any:
        cause, said = self.get_object(), self.said(request)
        causes.note(cause.pk, said["note"], actor=request.user.get_username())
        return self.with_figures([self.get_object()])[0]

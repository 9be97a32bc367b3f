"""Replays of many over REST: see what would go, freeze it, look how far it has come, and say something to it."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.request import Request

from audit.ids import uuid7
from audit.log import REASON_LIMIT
from audit.rest.bodies import Id, Number, StrictBody, Text
from audit.rest.filters import Filter
from audit.rest.problems import BadBody, Conflict
from audit.rest.views import ActView, ApiView, ListView
from dead_letters import batches
from dead_letters.models import BatchState, ItemOutcome, ReplayBatch, ReplayItem

VIEW_RIGHTS = ("dead_letters.view_replaybatch",)
_CODES = ("empty_filter", "too_many")


class ReplayBatchSerializer(serializers.ModelSerializer[ReplayBatch]):
    """A replay of many."""

    filters = serializers.DictField(source="chosen", child=serializers.CharField(), help_text="What its letters are.")

    class Meta:
        model = ReplayBatch
        fields = (
            *("id", "name", "state", "why", "filters", "reason", "actor", "rate", "stop_percent", "total"),
            *("created_at", "ended_at"),
        )
        read_only_fields = fields


class ProgressSerializer(serializers.Serializer[batches.Progress]):
    """How far it has come. at_work: gone, and what comes of them is not known yet. skipped: how many, by why."""

    waiting = serializers.IntegerField()
    at_work = serializers.IntegerField()
    processed = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField())


class ReplayBatchDetailSerializer(ReplayBatchSerializer):
    """A replay of many, and how far it has come."""

    progress = serializers.SerializerMethodField()

    class Meta(ReplayBatchSerializer.Meta):
        fields: Any = (*ReplayBatchSerializer.Meta.fields, "progress")
        read_only_fields: Any = fields

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, batch: ReplayBatch) -> dict[str, Any]:
        return ProgressSerializer(batches.progress(batch)).data


class ReplayItemSerializer(serializers.ModelSerializer[ReplayItem]):
    """One letter of a batch. place: its turn, from 1."""

    dead_letter_id = serializers.UUIDField(source="letter_id")
    event_id = serializers.UUIDField(source="subject_id")

    class Meta:
        model = ReplayItem
        fields = ("place", "dead_letter_id", "event_id", "outcome", "why", "done_at")
        read_only_fields = fields


class FiltersBody(StrictBody):
    """Which open dead letters; at least one must be said, and all that are must hold."""

    least = 1
    cause = Id(required=False)
    account = Text(required=False, max_length=64)
    provider = Text(required=False, max_length=16)
    kind = Text(required=False, max_length=32)
    code = Text(required=False, max_length=64)

    def validate(self, said: dict[str, Any]) -> dict[str, str]:
        """As batches.py takes them."""
        return {name: str(value) for name, value in said.items()}


class PreviewBody(StrictBody):
    """What is asked of a preview."""

    filters = FiltersBody()


class RateBody(StrictBody):
    """How many letters a second."""

    rate = Number(min_value=batches.RATES[0], max_value=batches.RATES[1])


class ReplayBatchBody(RateBody):
    """A new replay of many."""

    filters = FiltersBody()
    until = serializers.DateTimeField(help_text="Of the preview: what died later was not seen, and does not go.")
    name = Text(max_length=100, help_text="For the list of replays.")
    reason = Text(max_length=REASON_LIMIT, help_text="Why? It goes into the audit log. No names.")
    stop_percent = Number(min_value=0, max_value=100, help_text="It stops when more than so many of 100 fail again.")
    count = Number(
        required=False, help_text=f"Of the preview; must be said where it is more than {batches.TYPED_ABOVE}."
    )


class AccountHitSerializer(serializers.Serializer[None]):
    """How many letters of an account."""

    account = serializers.CharField()
    count = serializers.IntegerField()


class CauseHitSerializer(serializers.Serializer[Any]):
    """How many would go that died of one cause."""

    cause = serializers.UUIDField()
    summary = serializers.CharField()
    count = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What a replay would do. left_out: how many would not go, by why. looked_up: of the count, those whose answer may
    have arrived, and is looked for first. late: of the count, those that come too late for an answer. by_account,
    by_cause: the ten with the most."""

    until = serializers.DateTimeField(help_text="Say it in the request that begins the replay.")
    count = serializers.IntegerField(help_text="So many would go.")
    looked_up = serializers.IntegerField()
    late = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField())
    by_account = AccountHitSerializer(many=True)
    by_cause = CauseHitSerializer(many=True)
    oldest_at = serializers.DateTimeField(allow_null=True)


class BatchPreview(ActView[Any]):
    """Shows what a replay would do, and does nothing."""

    body_class, serializer_class = PreviewBody, PreviewSerializer
    act_rights = batches.ACT_RIGHTS
    codes = _CODES

    def answer(self, request: Request) -> Any:
        until = datetime.now(UTC)
        seen = _seen(self.said(request)["filters"], until)
        accounts = [{"account": account, "count": count} for account, count in seen.by_account]
        causes = [{"cause": cause.pk, "summary": cause.summary, "count": count} for cause, count in seen.by_cause]
        hits = {"by_account": accounts, "by_cause": causes}
        return PreviewSerializer({**_plain(seen), "until": until, **hits}).data


class BatchList(ListView[ReplayBatch], ActView[ReplayBatch]):
    """Replays of many, the newest first."""

    queryset = ReplayBatch.objects.all()
    serializer_class = ReplayBatchSerializer
    rights, act_rights = VIEW_RIGHTS, batches.ACT_RIGHTS
    order = ("-id",)
    time = "created_at"
    filters = (Filter(name="state", means="whether it goes on", choices=BatchState.values),)
    summary, codes = "Begin a replay of many", (*_CODES, "count_differs", "nothing_to_replay", "until_ahead")
    body_class, answer_class = ReplayBatchBody, ReplayBatchDetailSerializer
    done = status.HTTP_201_CREATED

    def answer(self, request: Request) -> Any:
        said = self.said(request)
        filters, until, count = said.pop("filters"), said.pop("until"), said.pop("count", None)
        if until > datetime.now(UTC):
            why = "until is that of a preview, and what has not died yet was not seen."
            raise Conflict(f"Nothing was changed: {why}", code="until_ahead")
        seen = _seen(filters, until)
        if count != seen.count and (count is not None or seen.count > batches.TYPED_ABOVE):
            raise Conflict(
                f"Nothing was changed: it would replay {seen.count}. Say that as count, or narrow them.",
                code="count_differs",
            )
        try:
            batch = batches.freeze(uuid7(), filters, until=until, actor=request.user.get_username(), **said)
        except batches.NothingToReplay as exc:
            raise Conflict(f"Nothing was changed. {exc}", code="nothing_to_replay") from exc
        return ReplayBatchDetailSerializer(batch).data


class BatchDetail(ApiView, generics.RetrieveAPIView[ReplayBatch]):
    """One replay of many, and how far it has come."""

    queryset = ReplayBatch.objects.all()
    serializer_class = ReplayBatchDetailSerializer
    rights = VIEW_RIGHTS


class BatchItems(ListView[ReplayItem]):
    """Its letters in the order in which they go."""

    queryset = ReplayItem.objects.all()
    serializer_class = ReplayItemSerializer
    rights = VIEW_RIGHTS
    order = ("place",)
    filters = (Filter(name="outcome", means="what became of it", choices=ItemOutcome.values),)

    def get_queryset(self) -> QuerySet[ReplayItem]:
        """Of one batch; Http404 where there is none."""
        of_it = super().get_queryset()
        if "batch_id" not in self.kwargs:  # for the description of the API
            return of_it
        return of_it.filter(batch=generics.get_object_or_404(ReplayBatch, pk=self.kwargs["batch_id"]))


class BatchSay(ActView[ReplayBatch]):
    """Pauses, resumes or stops a replay of many."""

    queryset = ReplayBatch.objects.all()
    serializer_class = ReplayBatchDetailSerializer
    body_class = StrictBody
    act_rights = batches.ACT_RIGHTS
    state: ClassVar[BatchState] = BatchState.RUNNING  # set by as_view()
    codes = ("conflict",)

    def answer(self, request: Request) -> Any:
        batch, said = self.get_object(), self.said(request)
        if not self.say(batch, said, actor=request.user.get_username()):
            batch.refresh_from_db(fields=["state"])
            raise Conflict(f"Nothing was changed: it is {batch.state}.")
        return self.get_serializer(self.get_object()).data

    def say(self, batch: ReplayBatch, _said: dict[str, Any], *, actor: str) -> bool:
        """False where it has ended, or stands so already."""
        return batches.change(batch.pk, self.state, actor=actor)


class BatchRate(BatchSay):
    """Changes how many letters go in a second."""

    body_class = RateBody

    def say(self, batch: ReplayBatch, said: dict[str, Any], *, actor: str) -> bool:
        return batches.change_rate(batch.pk, said["rate"], actor=actor)


def _seen(filters: dict[str, str], until: datetime) -> batches.Preview:
    try:
        return batches.preview(filters, until=until)
    except (batches.EmptyFilter, batches.TooMany) as exc:
        code = "empty_filter" if isinstance(exc, batches.EmptyFilter) else "too_many"
        raise BadBody(f"Nothing was changed. {exc}", code=code) from exc


def _plain(seen: batches.Preview) -> dict[str, Any]:
    return {name: getattr(seen, name) for name in ("count", "looked_up", "late", "left_out", "oldest_at")}

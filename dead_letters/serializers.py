"""A dead letter as the API shows it; nothing in it is personal data."""

from datetime import UTC
from typing import Any

from rest_framework import serializers

from dead_letters.models import DeadLetter, Status
from dead_letters.review import DECISIONS, outlooks


class DeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    """One failure for good. summary: a sentence that names no person and quotes nothing."""

    event_id = serializers.UUIDField(source="subject_id")
    cause_id = serializers.UUIDField()
    account = serializers.SerializerMethodField()
    graph_code = serializers.IntegerField(source="upstream_code", allow_null=True)
    graph_subcode = serializers.IntegerField(source="upstream_subcode", allow_null=True)
    created_at = serializers.DateTimeField(default_timezone=UTC)
    closed_at = serializers.DateTimeField(default_timezone=UTC, allow_null=True)

    class Meta:
        model = DeadLetter
        fields = (
            *(
                "id",
                "event_id",
                "correlation_id",
                "provider",
                "kind",
                "account",
                "status",
                "error_class",
                "code",
            ),
            *("graph_code", "graph_subcode", "summary", "attempts", "created_at", "closed_at", "replays", "cause_id"),
        )
        read_only_fields = fields

    def get_account(self, letter: DeadLetter) -> str | None:
        return letter.account_label or None


class DeadLetterDetailSerializer(DeadLetterSerializer):
    """One letter with what is known before an act.

    on_replay: what a replay would not repeat, or null. decisions: the acts of a letter in doubt.
    """

    on_replay = serializers.SerializerMethodField()
    decisions = serializers.SerializerMethodField()

    class Meta(DeadLetterSerializer.Meta):
        fields: Any = (*DeadLetterSerializer.Meta.fields, "on_replay", "decisions")
        read_only_fields: Any = fields

    def get_on_replay(self, letter: DeadLetter) -> str | None:
        return outlooks([letter])[letter.pk].on_replay or None

    def get_decisions(self, letter: DeadLetter) -> list[str]:
        is_in_doubt = letter.status == Status.OPEN and outlooks([letter])[letter.pk].is_in_doubt
        return list(DECISIONS) if is_in_doubt else []

"""A dead letter as the API shows it; nothing in it is personal data."""

from datetime import UTC

from rest_framework import serializers

from dead_letters.models import DeadLetter
from dead_letters.review import REASON_LIMIT


class DeadLetterSerializer(serializers.ModelSerializer[DeadLetter]):
    event_id = serializers.UUIDField(source="subject_id")
    account = serializers.SerializerMethodField()
    graph_code = serializers.IntegerField(source="upstream_code")
    graph_subcode = serializers.IntegerField(source="upstream_subcode")
    created_at = serializers.DateTimeField(default_timezone=UTC)
    closed_at = serializers.DateTimeField(default_timezone=UTC)

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
            *("graph_code", "graph_subcode", "summary", "attempts", "created_at", "closed_at", "replays"),
        )
        read_only_fields = fields

    def get_account(self, letter: DeadLetter) -> str | None:
        return letter.account_label or None


class ReasonSerializer(serializers.Serializer[None]):
    """Why a person acts; it goes into the audit log."""

    reason = serializers.CharField(max_length=REASON_LIMIT)

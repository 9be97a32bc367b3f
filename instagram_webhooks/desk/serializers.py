"""The form of an event, of a trace and of an account in the API's description; event.py makes the event itself."""

from datetime import datetime

from rest_framework import serializers

from instagram_webhooks.desk import accounts
from instagram_webhooks.events import PROVIDERS
from instagram_webhooks.models import Account, WebhookEvent
from instagram_webhooks.states import EventState, ReplyState


class WaitingSerializer(serializers.Serializer[None]):
    """What an open event waits for."""

    what = serializers.CharField(help_text="event, account, pause, retry, worker, work or lease.")
    event_id = serializers.UUIDField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_null=True)


class ReplySerializer(serializers.Serializer[None]):
    """What became of the answer."""

    state = serializers.ChoiceField(ReplyState.choices)
    reason = serializers.CharField(allow_null=True, help_text="Of a withheld one.")
    message_id = serializers.CharField(allow_null=True, help_text="The digest of Meta's id.")
    sent_at = serializers.DateTimeField(allow_null=True)


class StepSerializer(serializers.Serializer[None]):
    """One thing that happened. detail: ids, codes and numbers only."""

    at = serializers.DateTimeField()
    what = serializers.CharField()
    attempt = serializers.IntegerField(allow_null=True)
    detail = serializers.DictField()


class EventSerializer(serializers.Serializer[WebhookEvent]):
    """One event; nothing in it is personal data."""

    event_id = serializers.UUIDField()
    correlation_id = serializers.CharField()
    provider = serializers.ChoiceField([(each, each) for each in PROVIDERS])
    kind = serializers.CharField(help_text="message, postback, reaction, …; further ones may come.")
    account = serializers.CharField(allow_null=True, help_text="Meta's id of the business account.")
    conversation_id = serializers.UUIDField(allow_null=True)
    message_id = serializers.CharField(allow_null=True, help_text="The digest of Meta's id.")
    state = serializers.ChoiceField(EventState.choices)
    reason = serializers.CharField(allow_null=True, help_text="Of a parked or an ignored one.")
    attempts = serializers.IntegerField()
    happened_at = serializers.DateTimeField(allow_null=True)
    received_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    waits_for = serializers.UUIDField(allow_null=True, help_text="The event that goes before it in its conversation.")
    waiting = WaitingSerializer(allow_null=True)
    reply = ReplySerializer(allow_null=True, help_text="null where none was ever planned.")
    dead_letters = serializers.ListField(child=serializers.UUIDField())


class EventDetailSerializer(EventSerializer):
    """One event with all that happened to it, oldest first."""

    timeline = StepSerializer(many=True)


class TraceSerializer(serializers.Serializer[None]):
    """What is known under an id; `events` is empty where nothing is."""

    query = serializers.CharField()
    events = EventDetailSerializer(many=True)
    is_cut = serializers.BooleanField(help_text="There are more: these are the latest.")


class AccountSerializer(serializers.ModelSerializer[Account]):
    """A business account."""

    # What other tables say of it is in the context, by id: one query a page each.
    account = serializers.CharField(source="account_id", help_text="Meta's id, as events and dead letters have it.")
    parked = serializers.SerializerMethodField(
        help_text=f"Events that wait for it; {accounts.PARKED_CAP} where it is that or more."
    )

    last_event_at = serializers.SerializerMethodField(help_text="As it was noted within the last minutes.")

    class Meta:
        model = Account
        fields = (
            *("id", "provider", "account", "label", "state", "state_since", "paused_until", "hand_paused_until"),
            *("token_expires_at", "replies", "parked", "last_event_at", "created_at"),
        )
        read_only_fields = fields

    def get_parked(self, account: Account) -> int:
        found: dict[object, int] = self.context["parked"]
        return min(found[account.pk], accounts.PARKED_CAP)

    def get_last_event_at(self, account: Account) -> datetime | None:
        found: dict[object, datetime] = self.context["heard"]
        return found.get(account.pk)

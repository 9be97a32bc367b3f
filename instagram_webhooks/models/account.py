"""The business accounts that messages come to."""

from django.db import models
from django.db.models import Q

from audit.ids import uuid7
from instagram_webhooks.vault import open_text, seal_text


class AccountState(models.TextChoices):
    """Whether an account can be worked for."""

    ACTIVE = "active", "active"
    TOKEN = "token", "needs a new token"  # Meta refused it (code 190): events are parked
    BLOCKED = "blocked", "blocked by Meta"  # code 368: events are parked


class Replies(models.TextChoices):
    """What becomes of answers, the freest first; of an account's and the settings' the stricter holds."""

    ON = "on", "on"
    SHADOW = "shadow", "shadow"  # decided and stored, not sent
    OFF = "off", "off"  # messages are stored, nothing is decided


def stricter(one: str, other: str) -> Replies:
    """The one of two that lets fewer answers out."""
    return max(Replies(one), Replies(other), key=list(Replies).index)


class Account(models.Model):
    """One Instagram account, Facebook Page or WhatsApp number.

    What stands from `paused_until` on is all that work on events writes here, and only after a
    refusal or a failure. `hand_paused_until` is a person's: nothing that work finds out ends it.
    """

    TOKEN_PLACE = "account.sealed_token"  # noqa: S105 (a column, no token)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=16, choices=[(p, p) for p in ("instagram", "facebook", "whatsapp")])
    account_id = models.CharField("Meta's id", max_length=64, help_text="The id that webhooks carry as entry.id.")
    label = models.CharField(max_length=100, blank=True, help_text="A name for people, as @shop_berlin.")
    sealed_token = models.BinaryField(default=bytes, editable=False)
    # Which token of the settings was taken over: one set later in the admin is not undone at the next start.
    settings_token = models.UUIDField(null=True, editable=False)
    token_expires_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=AccountState, default=AccountState.ACTIVE)
    state_since = models.DateTimeField(null=True, editable=False)
    replies = models.CharField(max_length=8, choices=Replies, default=Replies.ON)
    hand_paused_until = models.DateTimeField(null=True, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    unknown_in_a_row = models.SmallIntegerField(default=0, editable=False)
    probe_until = models.DateTimeField(null=True, editable=False)  # one call tries whether Meta is back
    next_wake_at = models.DateTimeField(null=True, editable=False)  # when more of the held events are woken
    next_lookup_at = models.DateTimeField(null=True, editable=False)  # Meta allows two a second
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        permissions = (("act_on_account", "Can release, pause, resume and test accounts"),)
        constraints = (
            models.UniqueConstraint("provider", "account_id", name="account_once"),
            models.CheckConstraint(name="account_state_known", condition=Q(state__in=AccountState.values)),
            models.CheckConstraint(name="account_replies_known", condition=Q(replies__in=Replies.values)),
        )

    def __str__(self) -> str:
        return self.label or f"{self.provider} {self.account_id}"

    def set_token(self, token: str) -> None:
        """Seals a new token into this object; the caller saves."""
        self.sealed_token = seal_text(token, place=self.TOKEN_PLACE, row_id=self.id)

    def token(self) -> str:
        """The token in plain, "" where none was ever set."""
        return open_text(self.sealed_token, place=self.TOKEN_PLACE, row_id=self.id) if self.sealed_token else ""

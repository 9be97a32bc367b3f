"""The form of an account. Its token can be written and never be read."""

import re
from typing import TYPE_CHECKING, Any

from django import forms

from audit.pages import marks
from instagram_webhooks.conf import conf
from instagram_webhooks.models import Account
from instagram_webhooks.models.account import Replies

if TYPE_CHECKING:
    _AccountForm = forms.ModelForm[Account]
else:
    _AccountForm = forms.ModelForm

_ID = re.compile(r"[0-9A-Za-z_.:-]{1,64}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")  # it travels in a header
SEALED = "Sealed when saved and never shown again."
MODES = "Shadow: answers are decided and stored, not sent. Off: messages are stored, nothing is decided."
WHICH_ID = {
    "instagram": "The id that webhooks carry as entry.id, which is GET /me?fields=user_id. "
    "The id that GET /me?fields=id gives is another one: with it every event stays parked.",
    "facebook": "The id of the Page, which webhooks carry as entry.id.",
    "whatsapp": "The id of the phone number, which webhooks carry as metadata.phone_number_id. It is neither the "
    "number itself nor the id of the WhatsApp Business Account.",
}


def _which_id(provider: str) -> str:
    """Which of Meta's ids is meant; of each provider, where none is chosen yet."""
    return WHICH_ID.get(provider) or " ".join(f"{name}: {text}" for name, text in WHICH_ID.items())


def is_account_id(text: str) -> bool:
    """Whether this can be an account's id at Meta."""
    return _ID.fullmatch(text) is not None


def is_token(text: str) -> bool:
    """Whether this can be an access token."""
    return _TOKEN.fullmatch(text) is not None


class AccountForm(_AccountForm):
    """Adds a field for a new token, which is never filled with the old one, nor with what was typed."""

    new_token = forms.CharField(
        label="New access token",
        required=False,
        max_length=4096,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text=SEALED,
    )

    class Meta:
        model = Account
        fields = ("provider", "account_id", "label", "token_expires_at", "replies")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "account_id" in self.fields:  # a known account keeps its id
            self.fields["account_id"].help_text = _which_id(
                self["provider"].value() if self.fields.get("provider") else ""
            )
        if "new_token" in self.fields and self.instance.sealed_token:
            self.fields["new_token"].help_text = f"{SEALED} Leave it empty to keep the one that is stored."
        if "replies" in self.fields:
            of_settings = f"REPLIES of the settings is {conf().replies}: the stricter holds."
            self.fields["replies"].help_text = f"{MODES} {of_settings}"
        if runs_out := self.fields.get("token_expires_at"):  # two inputs, of which Django labels none
            for part, words in zip(getattr(runs_out.widget, "widgets", ()), ("Date", "Time"), strict=False):
                part.attrs["aria-label"] = f"{runs_out.label}: {words}"

    def clean_account_id(self) -> str:
        given = str(self.cleaned_data["account_id"]).strip()
        if not is_account_id(given):
            raise forms.ValidationError("An id has no blanks: up to 64 digits, letters, or _ . : -")
        return given

    def clean_label(self) -> str:
        given = str(self.cleaned_data["label"]).strip()
        if marks.visible(given) != given:  # the page would show it written out, and save it so the next time
            raise forms.ValidationError("It holds a character that shows nothing. Type it instead of copying it.")
        return given

    def clean_new_token(self) -> str:
        given = str(self.cleaned_data["new_token"]).strip()
        if given and not is_token(given):
            raise forms.ValidationError("A token has no blanks and only plain letters. Copy it again.")
        return given

    def clean(self) -> dict[str, Any]:
        """A new account is not known yet, and brings a token where it is to answer."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.instance._state.adding:
            return cleaned
        known = Account.objects.filter(provider=cleaned.get("provider"), account_id=cleaned.get("account_id"))
        if "account_id" in cleaned and known.exists():
            self.add_error("account_id", "This account is connected already. Open it to give it a new token.")
        if "new_token" in cleaned and not cleaned["new_token"] and cleaned.get("replies") == Replies.ON:
            self.add_error("new_token", "Enter the token, or switch replies off: nothing is sent without.")
        return cleaned

"""What a page between choosing and doing asks."""

from django import forms

from audit.log import REASON_LIMIT


class ReasonForm(forms.Form):
    """Why somebody does something; it goes into the audit log."""

    reason = forms.CharField(
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "autofocus": True}),
        help_text="Why? It goes into the audit log with your name. Name no customer.",
    )

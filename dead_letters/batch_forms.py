"""What the pages of replays ask."""

from typing import Any

from django import forms

from audit.pages.asks import ReasonForm
from dead_letters import batches
from dead_letters.batch_run import LEAST, LOOKED_AT


class RateForm(forms.Form):
    """How many letters a second."""

    rate = forms.IntegerField(
        label="Letters a second",
        help_text="At 5, live messages wait hardly longer; at 20, a quarter longer on two cores.",
        initial=5,
        min_value=batches.RATES[0],
        max_value=batches.RATES[1],
    )


class NewForm(ReasonForm, RateForm):
    """What the page between seeing and doing asks. count: what the page showed, to be typed where it is many."""

    batch = forms.UUIDField(widget=forms.HiddenInput)
    until = forms.DateTimeField(widget=forms.HiddenInput)
    stop_percent = forms.IntegerField(
        label="Stop when more than so many of 100 fail again",
        help_text=f"Of the last {LOOKED_AT} that ended, once {LEAST} have.",
        initial=10,
        min_value=0,
        max_value=100,
    )
    name = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs={"size": 60}), help_text="For the list of replays."
    )
    typed = forms.IntegerField(label="How many? Type the number", required=False)
    field_order = ("rate", "stop_percent", "name", "reason", "typed")

    def __init__(self, *given: Any, count: int, **more: Any) -> None:
        super().__init__(*given, **more)
        self.count = count
        if count <= batches.TYPED_ABOVE:
            del self.fields["typed"]

    def clean_typed(self) -> int:
        """Refuses any other number than that of the page."""
        if self.cleaned_data["typed"] != self.count:
            raise forms.ValidationError(f"It would replay {self.count}. Type that number, or narrow them.")
        return self.count

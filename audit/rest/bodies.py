"""What the body of a POST may say. Each field takes what its description says and nothing that only looks like it."""

import uuid
from typing import Any, ClassVar

from rest_framework import serializers

from audit.log import REASON_LIMIT


class Text(serializers.CharField):
    """A text; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        """Called by the framework."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(serializers.IntegerField):
    """A whole number; a text, a fraction or a truth value is none."""

    def to_internal_value(self, data: Any) -> int:
        """Called by the framework."""
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Id(serializers.UUIDField):
    """An id as it is answered; a number is none."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        """Called by the framework."""
        if not isinstance(data, str):
            self.fail("invalid", value=type(data).__name__)
        return super().to_internal_value(data)


class StrictBody(serializers.Serializer[None]):
    """Refuses a field that it does not know: left out, what was meant would be another thing.

    least: so many fields must be said, whichever they are; for the description, the act itself refuses fewer.
    """

    least: ClassVar[int] = 0

    def to_internal_value(self, data: Any) -> Any:
        """Called by the framework."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = f"only {', '.join(self.fields)}" if self.fields else "and none is taken"
            raise serializers.ValidationError({name: [f"There is no such field, {known}."] for name in unknown})
        return super().to_internal_value(data)


class ReasonBody(StrictBody):
    """Why a person acts; it goes into the audit log."""

    reason = Text(max_length=REASON_LIMIT, help_text="Why? It goes into the audit log. No names.")

"""Check constraints, said briefly: PostgreSQL reads their text anew for every statement that writes."""

from collections.abc import Iterable

from django.db.models import BooleanField, F, Func, Q
from django.db.models.lookups import Exact, IsNull
from django.utils.deconstruct import deconstructible


@deconstructible(path="instagram_webhooks.models.rules.OneOf")
class OneOf(Func):
    """Whether a text column holds one of these values; Django's `IN` is three times as long to PostgreSQL."""

    template = "%(expressions)s = ANY ('{%(values)s}'::text[])"
    output_field = BooleanField()

    def __init__(self, column: str, values: Iterable[str]) -> None:
        super().__init__(F(column), values=",".join(values))


def given_where(column: str, condition: OneOf) -> Q:
    """The column is NULL exactly where the condition does not hold."""
    return Q(Exact(IsNull(F(column), False), condition))

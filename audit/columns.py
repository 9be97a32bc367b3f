"""Column types and defaults that Django has no name for."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _XidBase = models.Field[int, int]
else:
    _XidBase = models.Field


class ClockTimestamp(models.Func):
    """The database's clock at this moment, not at the start of the transaction or statement."""

    function = "clock_timestamp"
    arity = 0
    output_field = models.DateTimeField()


class CurrentXid(models.Func):
    """The id of the transaction that writes the row."""

    function = "pg_current_xact_id"
    arity = 0

    @property
    def output_field(self) -> "XidField":
        return XidField()


class XidField(_XidBase):
    """A PostgreSQL transaction id of 64 bits, which never wraps around; an int in Python.

    It lets a reader who walks the rows in commit order leave out what is still open:
    `xid < pg_snapshot_xmin(pg_current_snapshot())`.
    """

    description = "Transaction id"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:  # named so by Django
        return "xid8"

    def from_db_value(self, value: Any, *_: object) -> int | None:
        return None if value is None else int(value)

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return str(prepared) if isinstance(prepared, int) else prepared

    def to_python(self, value: Any) -> int | None:
        return None if value is None else int(value)

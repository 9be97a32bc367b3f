"""Asking the database for no longer than a person waits for a page."""

from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

Found = TypeVar("Found")
# Several processes make a walk through a whole index look cheaper than one of them a short way through the right one.
_ALONE = "SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off"


def in_time(ask: Callable[[], Found], *, ms: int) -> Found | None:
    """What `ask` reads; None where one of its statements took longer than so many milliseconds."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {ms}; {_ALONE}")
            found = ask()
            # Takes the limit back also where this is a savepoint of an outer transaction.
            transaction.set_rollback(True)
    except OperationalError as exc:
        if not isinstance(exc.__cause__, QueryCanceled):
            raise
        return None
    return found

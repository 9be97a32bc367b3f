"""One transaction, run once more on a fresh connection where the database failed under it."""

import contextlib
from collections.abc import Callable
from typing import TypeVar

from django.db import Error, InterfaceError, InternalError, OperationalError, connection, transaction

Done = TypeVar("Done")
# No outcome of an event. InternalError: a session ended for idling in its transaction, or a server become read-only.
DATABASE_FAILED = (OperationalError, InterfaceError, InternalError)


def committed(act: Callable[[], Done]) -> Done:
    """What `act` gives, after the commit.

    Run twice at most: each of our transactions carries the fence, so one whose COMMIT was done but
    whose answer was lost finds its own work or is fenced out. An error of the database is no
    outcome of the event.
    """
    try:
        with transaction.atomic():
            return act()
    except DATABASE_FAILED:
        drop_connection()
    with transaction.atomic():
        return act()


def asked(question: Callable[[], Done]) -> Done:
    """As `committed`, for one statement that commits by itself."""
    try:
        return question()
    except DATABASE_FAILED:
        drop_connection()
    return question()


def drop_connection() -> None:
    """Closes this thread's connection; the next query opens another."""
    with contextlib.suppress(Error):
        connection.close()

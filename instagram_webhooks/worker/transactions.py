"""One transaction, run again on a fresh connection where the database failed under it."""

import contextlib
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import Error, connection, transaction

from instagram_webhooks.conf import conf
from instagram_webhooks.inbox.line import DATABASE_FAILED
from instagram_webhooks.worker.life import life

log = logging.getLogger(__name__)

Done = TypeVar("Done")
AGAIN_S = 0.5
# Of the lease: for so long a slot waits with its claim for the database to come back.
PATIENCE = 0.8


def committed(act: Callable[[], Done]) -> Done:
    """What `act` gives, after the commit.

    Run at least twice, and by a slot with a claim again and again while its lease is young: what it knows,
    that a message was sent above all, is worth more than a free slot without a database. Each of our
    transactions carries the fence, so one whose COMMIT was done but whose answer was lost finds its own
    work or is fenced out. An error of the database is no outcome of the event.
    """

    def in_transaction() -> Done:
        with transaction.atomic():
            return act()

    return settled(in_transaction)


def settled(act: Callable[[], Done]) -> Done:
    """As `committed`, for what commits by itself."""
    try:
        return act()
    except DATABASE_FAILED as exc:
        drop_connection()
        log.warning("database.failed", extra={"error_class": type(exc).__name__})
    return _until_it_is_back(act, age_s=life.busy_s)


def patiently(act: Callable[[], Done]) -> Done:
    """What `act` gives, tried again and again where the database fails under it.

    So an outage does not use up the wake-ups of a whole queue, whose events would wait for the next sweep but one.
    """
    begun = time.monotonic()
    return _until_it_is_back(act, age_s=lambda: time.monotonic() - begun)


def _until_it_is_back(act: Callable[[], Done], *, age_s: Callable[[], float]) -> Done:
    while True:
        try:
            return act()
        except DATABASE_FAILED:
            drop_connection()
            if life.stopping.is_set() or age_s() > conf().lease_s * PATIENCE:
                raise
        time.sleep(AGAIN_S)


def attempted(act: Callable[[], object]) -> None:
    """Does what the next call would do again, where the database does not fail under it; what is known goes first."""
    try:
        act()
    except DATABASE_FAILED as exc:
        drop_connection()
        log.warning("database.failed", extra={"error_class": type(exc).__name__})


def drop_connection() -> None:
    """Closes this thread's connection; the next query opens another."""
    with contextlib.suppress(Error):
        connection.close()

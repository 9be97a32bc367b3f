"""
How many slots of this process are about to come to the database, so that whoever comes first may wait for them.

A commit that five share costs PostgreSQL a third for each, and the process fewer statements. To wait for others costs
nothing while slots wait for this process's own CPU, and much while they wait for somebody outside: Meta, the policy, or
a child that works off an event alone.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUICK_S = 0.01  # who went outside a shorter time ago may be back at once
NEXT_S = 0.003  # who was done with a wake-up a shorter time ago has the next soon, where there is much to do

_at_work: set[int] = set()
_outside: dict[int, float] = {}
_done: dict[int, float] = {}  # when those who have no wake-up were done with their last


@contextmanager
def at_work() -> Iterator[None]:
    """While this slot works off a wake-up, from the claim on."""
    me = threading.get_ident()
    _done.pop(me, None)
    _at_work.add(me)
    try:
        yield
    finally:
        _at_work.discard(me)
        _done[me] = time.monotonic()


@contextmanager
def outside() -> Iterator[None]:
    """While it waits for somebody outside; not within another."""
    me = threading.get_ident()
    _outside[me] = time.monotonic()
    try:
        yield
    finally:
        _outside.pop(me, None)


def claiming(waiting: int) -> int:
    """How many may come to their claim together with those who wait there already: who is between two wake-ups.

    Nobody where most of those at work are outside, as for the other steps.
    """
    return waiting + _between() if coming() else waiting


def coming(_waiting: int = 0) -> int:
    """How many may come to another step together, whoever asks included; 0 where most of those at work are outside.

    Who went outside less than QUICK_S ago counts as coming, and so does who is between two wake-ups.
    """
    since = time.monotonic() - QUICK_S
    all_of_them, away = len(_at_work), sum(gone_at < since for gone_at in list(_outside.values()))
    return all_of_them + _between() - away if 2 * away < all_of_them else 0


def _between() -> int:
    since = time.monotonic() - NEXT_S
    return sum(done_at > since for done_at in list(_done.values()))

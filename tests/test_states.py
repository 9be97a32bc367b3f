"""The table of legal moves, and that nobody goes around it."""

import re
from itertools import product
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from audit.ids import uuid7
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import ENDED, MOVES, OPEN, EventState, IllegalMove, allow
from tests.builders import a_message, stored

ROOT = Path(__file__).resolve().parent.parent


def test_every_state_is_in_the_table_and_is_open_or_ended():
    assert set(MOVES) == set(EventState)
    assert set(OPEN) | set(ENDED) == set(EventState)
    assert not set(OPEN) & set(ENDED)


@pytest.mark.parametrize(("before", "after"), list(product(EventState, EventState)))
def test_a_move_is_allowed_exactly_where_the_table_knows_it(before, after):
    if after in MOVES[before]:
        allow(before, after)
    else:
        with pytest.raises(IllegalMove):
            allow(before, after)


def test_every_state_can_be_reached_and_none_is_a_trap():
    reached, todo = set(), [EventState.RECEIVED]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += MOVES[state]
    assert reached == set(EventState)
    assert [state for state in MOVES if not MOVES[state]] == [EventState.PROCESSED]


def test_only_the_inbox_writes_the_state_of_an_event():
    writes = re.compile(r"UPDATE instagram_webhooks_webhookevent|INSERT INTO instagram_webhooks_webhookevent"
                        r"|WebhookEvent\.objects\.(create|filter\([^)]*\)\.update|bulk_)")  # fmt: skip
    guilty = [
        path.relative_to(ROOT).as_posix()
        for package in ("instagram_webhooks", "dead_letters", "audit", "webhooks_project")
        for path in (ROOT / package).rglob("*.py")
        if "migrations" not in path.parts and "inbox" not in path.parts and writes.search(path.read_text())
    ]
    assert guilty == []


@pytest.mark.usefixtures("own_database")
@pytest.mark.parametrize(
    "change",
    [
        {"state": "processing"},
        {"state": "processed"},
        {"claimable_at": None},
        {"state": "parked", "claimable_at": None},
        {"worker_id": uuid7()},
        {"state": "lost"},
    ],
)
def test_the_database_refuses_what_a_state_does_not_allow(change):
    stored(a_message())

    with pytest.raises(IntegrityError), transaction.atomic():
        WebhookEvent.objects.update(**change)

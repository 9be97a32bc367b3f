"""The table of legal moves, and that nobody goes around it."""

import re
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from audit.ids import uuid7
from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import ENDED, MOVES, OPEN, EventState
from tests.builders import a_message, stored

ROOT = Path(__file__).resolve().parent.parent


def test_every_state_is_open_or_ended():
    assert set(OPEN) | set(ENDED) == set(EventState)
    assert not set(OPEN) & set(ENDED)


def test_every_state_can_be_reached_and_none_but_the_last_is_a_trap():
    nexts = {state: {move.after for move in MOVES.values() if state in move.before} for state in EventState}
    reached, todo = set(), [EventState.RECEIVED]
    while todo:
        state = todo.pop()
        if state not in reached:
            reached.add(state)
            todo += nexts[state]
    assert reached == set(EventState)
    assert [state for state in EventState if not nexts[state]] == [EventState.PROCESSED]


@pytest.mark.usefixtures("own_database")
def test_no_fence_falls_whoever_writes_it():
    stored(a_message())
    WebhookEvent.objects.update(fence=3)

    with pytest.raises(IntegrityError, match="would fall from 3 to 2"), transaction.atomic():
        WebhookEvent.objects.update(fence=2)


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

"""What a process remembers of what it has ended."""

import uuid

import pytest

from instagram_webhooks.worker import commits, taking, work
from instagram_webhooks.worker.recent import Recent
from tests.builders import a_message, stored


def test_the_oldest_are_forgotten():
    recent, ids = Recent(3), [uuid.uuid4() for _ in range(5)]

    for id_ in (ids[0], *ids):
        recent.add(id_)

    assert [id_ in recent for id_ in ids] == [False, False, True, True, True]


@pytest.mark.usefixtures("shop")
def test_a_wake_up_for_what_this_process_has_answered_asks_nothing(monkeypatch):
    first, second = stored(a_message("m-1"), a_message("m-2"))
    work.process(first.pk)  # and goes on with the second
    asked = []
    monkeypatch.setattr(taking, "by_event", asked.append)

    work.process(first.pk)
    work.process(second.pk)

    assert asked == []
    assert second.pk in commits.processed_here

"""Whoever stands behind what was set aside goes on at once."""

import base64
import json

import pytest

from audit.ids import uuid7
from instagram_webhooks.conf import QUEUE
from instagram_webhooks.desk.set_aside import set_aside
from instagram_webhooks.inbox import wake_ups
from tests.admin.test_workers_admin import empty_queues
from tests.desk.builders import an_event
from tests.processes.process import until

pytestmark = pytest.mark.django_db

__all__ = ["empty_queues"]


def test_the_next_head_is_woken_once_it_is_seen_to_be_one(empty_queues, django_capture_on_commit_callbacks):
    lane = uuid7()
    events = [an_event(lane=lane, place=place) for place in (1, 2, 3)]

    def woken():
        """Which of them, by what lies in the queue: other tests may have left something there."""
        until(lambda: not wake_ups.waiting(), "what was offered has left")
        messages = [json.loads(each) for each in empty_queues.lrange(QUEUE, 0, -1)]
        ids = [json.loads(base64.b64decode(message["body"]))[0][0] for message in messages]
        return [event.place for event in events if str(event.pk) in ids]

    with django_capture_on_commit_callbacks(execute=True):
        assert set_aside(events[0].pk, actor="anna", reason="its flood")
        before_the_commit = woken()

    assert (before_the_commit, woken()) == ([], [2])

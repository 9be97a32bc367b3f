"""What waits longer than it needs to is woken, and nothing else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.inbox import waiting
from tests.desk.builders import an_event

pytestmark = pytest.mark.django_db


def test_what_is_due_already_is_not_woken_and_keeps_its_time():
    now = timezone.now()
    due, later = (
        an_event(state="retrying", lane=uuid7(), claimable_at=now + timedelta(seconds=wait_s), dispatched_at=now)
        for wait_s in (-1, 3600)
    )

    assert waiting.wake([due.pk, later.pk]) == [later.pk]

    due.refresh_from_db()
    assert (due.claimable_at, due.dispatched_at) == (now - timedelta(seconds=1), now)

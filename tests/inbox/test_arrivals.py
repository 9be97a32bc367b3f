"""When each account's newest event came, noted minute by minute."""

from datetime import timedelta

import pytest
from django.utils import timezone

from instagram_webhooks.inbox import arrivals
from instagram_webhooks.models import Arrival
from tests.desk.builders import an_event

pytestmark = pytest.mark.django_db


def test_what_is_committed_late_is_noted_though_others_that_came_after_it_were():
    now = timezone.now()
    an_event(account="in time", received_at=now)
    assert arrivals.note() == 1
    an_event(account="late", received_at=now - timedelta(minutes=1))

    assert arrivals.note() == 1

    assert Arrival.objects.get(account="late").last_at == now - timedelta(minutes=1)

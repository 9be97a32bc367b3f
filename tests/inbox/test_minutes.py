"""What a minute counts as what."""

import pytest

from instagram_webhooks.inbox import minutes
from instagram_webhooks.models import Minute
from tests.admin.test_dashboard import ended, minutes_ago
from tests.builders import a_message, stored

pytestmark = pytest.mark.usefixtures("own_database")


def test_what_a_person_set_aside_counts_as_dead():
    (event,) = stored(a_message())
    at = minutes_ago(2)
    ended(event, at=at, took_s=1, action="event.set_aside")

    minutes.count()

    told = Minute.objects.get(minute=at.replace(second=0))
    assert (told.processed, told.dead) == (0, 1)

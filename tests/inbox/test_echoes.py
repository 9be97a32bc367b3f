"""Echoes that lie in the inbox."""

from datetime import timedelta

import pytest
from django.utils import timezone

from instagram_webhooks.inbox.echoes import MOST, stored_echoes
from instagram_webhooks.models import WebhookEvent
from tests.builders import an_echo, stored

pytestmark = pytest.mark.usefixtures("own_database")


def test_of_very_many_echoes_the_newest_are_read():
    now = timezone.now()
    echoes = stored(*[an_echo(f"m-{n}", f"said {n} s ago") for n in range(MOST + 1)])
    for n, echo in enumerate(echoes):
        WebhookEvent.objects.filter(pk=echo.pk).update(received_at=now - timedelta(seconds=n))

    found = b"\n".join(stored_echoes(echoes[0].conversation_id, since=now - timedelta(hours=1)))

    assert found.count(b'"said ') == MOST
    assert b'"said 0 s ago"' in found
    assert b'"said 50 s ago"' not in found

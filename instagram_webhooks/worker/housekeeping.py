"""Daily: rows that nobody needs any more."""

from datetime import timedelta

from django.utils import timezone
from knox.models import AuthToken

from instagram_webhooks.alarms import incidents
from instagram_webhooks.models import Refusals, Worker

KEPT = timedelta(days=7)


def tidy() -> dict[str, int]:
    """Forgets workers long gone, tokens that have expired, alerts and refusals of long ago; how many of each."""
    now = timezone.now()
    before = now - KEPT
    workers, _ = Worker.objects.filter(pulse_at__lt=before).delete()
    tokens, _ = AuthToken.objects.filter(expiry__lt=before).delete()
    refused, _ = Refusals.objects.filter(minute__lt=now - incidents.KEPT).delete()
    return {"workers": workers, "tokens": tokens, "alerts": incidents.forget(now), "refused": refused}

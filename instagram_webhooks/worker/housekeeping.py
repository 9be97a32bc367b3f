"""Daily: rows that nobody needs any more."""

from datetime import timedelta

from django.utils import timezone
from knox.models import AuthToken

from instagram_webhooks.models import Worker

KEPT = timedelta(days=7)


def tidy() -> dict[str, int]:
    """Forgets workers long gone and tokens that have expired; how many of each."""
    before = timezone.now() - KEPT
    workers, _ = Worker.objects.filter(pulse_at__lt=before).delete()
    tokens, _ = AuthToken.objects.filter(expiry__lt=before).delete()
    return {"workers": workers, "tokens": tokens}

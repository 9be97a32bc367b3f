"""Daily: rows that nobody needs any more."""

from datetime import timedelta

from django.utils import timezone
from knox.models import AuthToken

from audit.models import KeptAnswer
from instagram_webhooks.alarms import incidents
from instagram_webhooks.models import Refusals, Worker

KEPT, ANSWERS_KEPT = timedelta(days=7), timedelta(hours=24)


def tidy() -> dict[str, int]:
    """Forgets workers long gone, expired tokens, old answers, alerts and refusals; how many of each."""
    now = timezone.now()
    workers, _ = Worker.objects.filter(pulse_at__lt=now - KEPT).delete()
    tokens, _ = AuthToken.objects.filter(expiry__lt=now - KEPT).delete()
    answers, _ = KeptAnswer.objects.filter(created_at__lt=now - ANSWERS_KEPT).delete()
    refused, _ = Refusals.objects.filter(minute__lt=now - incidents.KEPT).delete()
    alerts = incidents.forget(now)
    return {"workers": workers, "tokens": tokens, "answers": answers, "alerts": alerts, "refused": refused}

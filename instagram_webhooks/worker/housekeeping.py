"""Daily: rows that nobody needs any more."""

from datetime import timedelta

from django.utils import timezone
from knox.models import AuthToken

from audit.models import KeptAnswer
from instagram_webhooks.models import Worker

KEPT, ANSWERS_KEPT = timedelta(days=7), timedelta(hours=24)


def tidy() -> dict[str, int]:
    """Forgets workers long gone, tokens that have expired and answers that nobody asks for again; how many of each."""
    before = timezone.now() - KEPT
    workers, _ = Worker.objects.filter(pulse_at__lt=before).delete()
    tokens, _ = AuthToken.objects.filter(expiry__lt=before).delete()
    answers, _ = KeptAnswer.objects.filter(created_at__lt=timezone.now() - ANSWERS_KEPT).delete()
    return {"workers": workers, "tokens": tokens, "answers": answers}

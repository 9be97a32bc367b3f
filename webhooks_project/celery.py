"""The Celery app: `celery -A webhooks_project worker`. What each setting is for stands in settings.py."""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")

app = Celery("webhooks_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def _keep_ours(**_: Any) -> None:
    """With this connected Celery adds no log handlers of its own; Django's LOGGING redacts."""

"""The Celery app: `celery -A webhooks_project worker`. What each setting is for stands in settings.py."""

import os
from typing import Any

from celery import Celery, signals

from webhooks_project.scheduling import let_others_finish

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webhooks_project.settings")
# Celery would load every view and page for Django's checks, and then say nothing of what they found. What a worker
# cannot do without is judged by the settings and by worker/boot.py.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("webhooks_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.celeryd_init.connect
def _before_any_thread(**_: Any) -> None:
    let_others_finish()


@signals.setup_logging.connect
def _keep_ours(**_: Any) -> None:
    """With this connected Celery adds no log handlers of its own; Django's LOGGING redacts."""

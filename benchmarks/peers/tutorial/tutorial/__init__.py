"""T: a webhook receiver as the tutorials of Django, DRF and Celery build it."""

from tutorial.celery import app as celery_app

__all__ = ["celery_app"]

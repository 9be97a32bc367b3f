"""The roof over all packages. Importing it makes Celery's app the one that @shared_task binds to."""

from webhooks_project.celery import app as celery_app

__all__ = ["celery_app"]

"""What is done once Django is ready, in every process."""

from django.apps import AppConfig


class WebhooksProjectConfig(AppConfig):
    """Makes Celery's app the one that @shared_task binds to.

    Not the package itself: what stands before Django, the parent of all web processes above all, would carry Celery.
    """

    name = "webhooks_project"

    def ready(self) -> None:
        """Called by Django. First of all apps: nothing may ask for Celery's current app before."""
        import webhooks_project.celery  # noqa: F401

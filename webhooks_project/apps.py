"""What is done once Django is ready, in every process."""

from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.core import checks


class WebhooksProjectConfig(AppConfig):
    """Makes Celery's app the one that @shared_task binds to.

    Not the package itself: what stands before Django, the parent of all web processes above all, would carry Celery.
    """

    name = "webhooks_project"

    def ready(self) -> None:
        """Called by Django. First of all apps: nothing may ask for Celery's current app before."""
        import webhooks_project.celery  # noqa: F401


class DeskConfig(SimpleAdminConfig):
    """Django's admin with the first page and the menu of this service.

    The simple one: it loads no page in processes that show none, which spares workers a tenth of their start.
    """

    default_site = "instagram_webhooks.desk.site.Desk"

    def ready(self) -> None:
        """Called by Django. Its own check of the pages sees only those that were loaded before."""
        super().ready()
        checks.register(_load_pages, checks.Tags.admin)


def _load_pages(**_: Any) -> list[checks.CheckMessage]:
    from django.contrib import admin

    return list(admin.site.check(None))

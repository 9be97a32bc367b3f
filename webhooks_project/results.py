"""Where Celery keeps what daily jobs came to: in the database, and named, so that people find the last run of each."""

from typing import Any

from django_celery_results.backends import DatabaseBackend


class NamedResults(DatabaseBackend):  # type: ignore[misc]  # it has no types
    """Results with the name of their task, and without arguments.

    Celery's own setting for names (result_extended) stores arguments too, also those of a message that anybody else
    left in the queue.
    """

    def _get_extended_properties(self, request: Any, traceback: Any) -> dict[str, Any]:
        about: dict[str, Any] = super()._get_extended_properties(request, traceback)
        name = getattr(request, "task", None)
        return about | {"task_name": name if name in self.app.tasks else None}

"""The shipped Celery app in processes of its own."""

from tests.processes.conftest import installation, pytest_runtest_makereport

__all__ = ["installation", "pytest_runtest_makereport"]

"""Counting in this process, and installations that count."""

import pytest
from prometheus_client.values import close_all_multiprocess_files

from instagram_webhooks.metrics import answer, files
from tests.metrics.scrape import by_series
from tests.processes.conftest import installation, pytest_runtest_makereport

__all__ = ["installation", "pytest_runtest_makereport"]


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """What this process has counted since the test began, by series; `counted()` asks anew."""
    monkeypatch.setenv(files.VARIABLE, str(tmp_path))
    assert files.begin()
    yield lambda: by_series(answer.text({}, accept="")[0].decode())
    files.end()
    close_all_multiprocess_files()

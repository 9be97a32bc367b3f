from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from webhooks_project import embedded
from webhooks_project.embedded import processes

CHECKOUT = Path(__file__).resolve().parents[2]

# Without URLs: these tests start servers of their own, whatever the rest of the tests uses.
NO_URLS = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "EMBEDDED_RUNG": ""}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder in a place that the servers' user may enter, which pytest's own is not for root."""
    with embedded.temporary_folder() as made:
        yield made / "with a space"


@pytest.fixture(scope="session")
def running() -> Iterator[embedded.Services]:
    with embedded.temporary_folder() as made:
        place = made / "a 'quoted' place"
        with embedded.services(place, durable=False, environ=NO_URLS) as services:
            yield services


class Run:
    """Another process that starts the servers, to be killed; `pids` are the servers'."""

    def __init__(self, program: str, folder: Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=CHECKOUT,
            env=NO_URLS,
        )
        assert self.popen.stdout
        self.pids = [int(word) for word in self.popen.stdout.readline().split()]

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()
        if self.popen.stdout:
            self.popen.stdout.close()


@pytest.fixture
def run() -> Iterator[list[Run]]:
    """Put runs in here: what is left of them is ended."""
    runs: list[Run] = []
    yield runs
    for one in runs:
        one.kill()
        for pid in one.pids:
            if processes.lives(pid):
                processes.end(pid, signal.SIGKILL)

"""The demo itself, from the first start to the last stop, with servers of its own."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from webhooks_project import environment

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place():
    """A folder for temporary ones, where no demo of a developer is; the servers' user may enter it."""
    with tempfile.TemporaryDirectory(prefix="demo test ", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield path


@pytest.fixture
def start(place):
    """Starts `manage.py demo` without a setting."""
    ours = {setting.name for setting in environment.SETTINGS}
    environ = {name: value for name, value in os.environ.items() if name not in ours} | {"TMPDIR": place}
    started = []

    def start(*options):
        started.append(
            subprocess.Popen(
                [sys.executable, "manage.py", "demo", *options],
                cwd=CHECKOUT,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.timeout(300)
def test_the_story_comes_true_and_nothing_is_left_running(start, place):
    said, _ = start("--once").communicate(timeout=280)

    assert "The story came true" in said, said
    assert "39 messages of 17 customers accepted with 200, 39 replies" in " ".join(said.split())
    assert said.isascii()
    assert still_running(place) == []


@pytest.mark.timeout(120)
def test_told_to_stop_while_it_starts_it_stops_all(start, place):
    process = start()
    for line in process.stdout:
        if "PostgreSQL" in line:
            break

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=100)

    assert process.returncode == 128 + signal.SIGTERM
    assert still_running(place) == []


def still_running(place):
    """Command lines that name the folder."""
    found = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_readable(path)]
    return [words for words in found if place.encode() in words]


def _is_readable(path):
    try:
        path.read_bytes()
    except OSError:
        return False
    return True

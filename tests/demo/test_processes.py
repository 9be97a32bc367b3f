import os
import subprocess
import sys
import time

import pytest

from instagram_webhooks.worker.boot import END_AFTER_S, LAST_WORDS_S
from webhooks_project.demo.errors import DemoEnded, NotSeen
from webhooks_project.demo.processes import MARK, STOP_S, Child, end_leftovers, run, tail
from webhooks_project.embedded.processes import until

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_what_a_killed_run_left_behind_is_ended_and_nothing_else(tmp_path):
    ours = subprocess.Popen(SLEEPER, env={**os.environ, MARK: str(tmp_path)})
    other = subprocess.Popen(SLEEPER, env={**os.environ, MARK: f"{tmp_path}2"})
    try:
        count = end_leftovers(tmp_path)

        assert count == 1
        assert ours.wait(10) < 0
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_the_demo_gives_its_worker_the_signal_and_the_time_that_it_needs_to_end(tmp_path):
    told = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(3)); print(1, flush=True); signal.pause()"
    (tmp_path / "told.py").write_text(told)
    child = Child("told", ["told"], folder=tmp_path, environ=os.environ | {"PYTHONPATH": str(tmp_path)})
    child.start()
    assert until(lambda: bool(tail(child.log)), within_s=30)
    process = child._process

    child.stop()

    assert process.returncode == 3
    assert STOP_S >= END_AFTER_S + LAST_WORDS_S


def test_a_process_that_ends_by_itself_is_told_with_its_name(tmp_path):
    child = Child("worker", ["webhooks_project", "nonsense"], folder=tmp_path, environ=os.environ)
    child.start()

    assert until(lambda: not child.is_alive, within_s=30)
    with pytest.raises(NotSeen, match=r"The worker process ended: exit code 2\.") as told:
        child.must_live()

    assert told.value.process == "worker"
    assert "usage:" in tail(child.log)
    child.stop()


def test_a_child_is_stopped_with_its_log_kept_and_its_id_forgotten(tmp_path):
    child = Child("simulator", ["simulator", "graph"], folder=tmp_path, environ=os.environ)
    child.start()
    pid = int(child.pid_file.read_text())
    until(lambda: "listens" in tail(child.log), within_s=30)

    child.stop()

    assert not os.path.exists(f"/proc/{pid}")
    assert not child.pid_file.exists()
    assert child.log.stat().st_mode & 0o077 == 0
    child.must_live()  # it was asked to end


def test_a_command_that_fails_is_told_with_its_last_lines():
    with pytest.raises(DemoEnded, match=r"failed with exit code 2:\n(.|\n)*--url"):
        run(["simulator", "send"], os.environ)


def test_a_command_that_hangs_is_given_up():
    began = time.monotonic()

    with pytest.raises(DemoEnded, match="did not end within"):
        run(["simulator", "graph"], os.environ, within_s=1)

    assert time.monotonic() - began < 20

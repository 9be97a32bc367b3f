"""A crash is reported through the log, where redaction sees it."""

import subprocess
import sys
import textwrap
from pathlib import Path

CANARY = "canary 4917612345678"

SCRIPT = f"""
import logging.config, threading
from audit import uncaught
from audit.redaction import logging_config

logging.config.dictConfig(logging_config(level="INFO", fmt="json"))
uncaught.install()

def crash():
    raise ValueError({CANARY!r})

thread = threading.Thread(target=crash)
thread.start()
thread.join()
crash()
"""


def test_a_crash_of_a_thread_or_process_names_class_and_place_only():
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert run.returncode == 1
    assert '"thread.crashed"' in run.stderr
    assert '"process.crashed"' in run.stderr
    assert "ValueError" in run.stderr
    assert CANARY not in run.stderr

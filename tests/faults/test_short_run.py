"""The fault run in small: a fixed seed passes. `make faults` is the long one."""

import subprocess
import sys

import pytest

from tests.processes.process import CHECKOUT

SEED = 7
RATE = 10


@pytest.mark.timeout(300)
def test_thirty_seconds_of_faults_lose_double_and_disorder_nothing(tmp_path):
    words = ["--minutes", "0.5", "--rate", str(RATE), "--seed", str(SEED), "--folder", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "tests.faults", *words], cwd=CHECKOUT, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]

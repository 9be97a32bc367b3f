"""The fault run in small: a fixed seed passes, and two seeded flaws are caught. `make faults` is the long one."""

import subprocess
import sys

import pytest

from tests.faults import prove
from tests.processes.process import CHECKOUT

SEED = 7
RATE = 20


@pytest.mark.timeout(300)
def test_thirty_seconds_of_faults_lose_double_and_disorder_nothing(tmp_path):
    words = ["--minutes", "0.5", "--rate", str(RATE), "--seed", str(SEED), "--folder", str(tmp_path)]
    done = subprocess.run([sys.executable, "-m", "tests.faults", *words], cwd=CHECKOUT, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["update_instead_of_nothing", "blind_resend"])
def test_a_seeded_flaw_is_caught(name):
    assert prove.caught(name, minutes=0.2, rate=RATE, seed=SEED)

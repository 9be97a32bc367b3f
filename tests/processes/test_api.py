"""The API keeps what its description promises, whatever it is asked: by schemathesis, of a real web process."""

import os
import subprocess
import sys

import pytest

from tests.processes.process import CHECKOUT

HERE = CHECKOUT / "tests" / "processes"
# `make test-api` sets it, and then also tries the edges of every field.
EXAMPLES, SEED = os.environ.get("EXAMPLES", ""), os.environ.get("SEED", "1")
HOW = ["--max-examples", EXAMPLES] if EXAMPLES else ["--max-examples", "3", "--phases", "fuzzing,stateful"]


@pytest.fixture(scope="module")
def product(installation):
    with installation(API_RATE="1000000/s", API_RATE_UNKNOWN="1000000/s") as product:
        product.web()
        yield product


@pytest.mark.timeout(3600 if EXAMPLES else 300)
def test_nothing_that_is_asked_is_answered_against_the_description(product, tmp_path):
    token = product.run("-m", "tests.processes.stock").strip()

    asked = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--no-color", "--config-file", HERE / "schemathesis.toml", "run",
         f"{product.url}/api/v1/schema/", "--header", f"Authorization: Token {token}", "--seed", SEED,
         "--generation-database", "none", "--warnings", "off", *HOW],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.processes.api_hooks", "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip

    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert product.value("SELECT count(*) FROM audit_keptanswer") > 0
    assert '"level": "error"' not in product.started[0].text()

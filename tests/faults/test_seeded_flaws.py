"""One of the seeded flaws, caught within a short run. `make faults-prove` does it with all."""

import pytest

from tests.faults import prove


@pytest.mark.timeout(300)
def test_a_seeded_flaw_is_caught():
    assert prove.caught("blind_resend", minutes=0.2, rate=12, seed=7)

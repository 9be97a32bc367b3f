"""Two of the seeded flaws, each caught within a short run. `make faults-prove` does it with all."""

import pytest

from tests.faults import prove


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["update_instead_of_nothing", "blind_resend"])
def test_a_seeded_flaw_is_caught(name):
    assert prove.caught(name, minutes=0.3, rate=20, seed=7)

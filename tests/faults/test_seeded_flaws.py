"""Two of the seeded flaws, each caught within a short run. `make faults-prove` does it with all."""

import pytest

from tests.faults import prove


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("name", "minutes"), [("update_instead_of_nothing", 0.15), ("blind_resend", 0.2)])
def test_a_seeded_flaw_is_caught(name, minutes):
    assert prove.caught(name, minutes=minutes, rate=12, seed=7)

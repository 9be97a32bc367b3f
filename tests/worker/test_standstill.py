"""What counts as standing still, and what does not yet."""

from instagram_webhooks.worker.standstill import Standstill
from tests.builders import knobs


def seen(*marks):
    looks = Standstill()
    return [looks.lasts(mark) for mark in marks]


def test_the_same_for_longer_than_a_lease_at_three_looks_after_the_first_stands_still():
    with knobs(lease_s=0.0):
        assert seen(1.0, 1.0, 1.0, 1.0) == [False, False, False, True]
    with knobs(lease_s=60.0):
        assert not any(seen(*[1.0] * 9))


def test_what_goes_on_or_is_at_rest_does_not():
    with knobs(lease_s=0.0):
        assert not any(seen(1.0, 1.0, 1.0, 2.0, 2.0, 2.0, None, None, None, None, 2.0))

"""Rounds of upkeep, and the pauses between sweeps."""

import pytest

from instagram_webhooks.inbox import turn
from instagram_webhooks.inbox.sweep import Swept
from instagram_webhooks.worker import upkeep

pytestmark = pytest.mark.usefixtures("own_database")


def test_one_slow_sweep_makes_no_pause_and_two_in_a_row_do(monkeypatch):
    took = iter([5.0, 4.0, 0.0])
    monkeypatch.setattr(upkeep, "sweep", lambda *_args, **_more: Swept(was_ours=True, took_s=next(took)))
    pauses = []
    monkeypatch.setattr(turn, "rest", pauses.append)
    rounds = upkeep.Upkeep()

    for _ in range(3):
        rounds.round()

    assert pauses == [0.0, 4.0, 0.0]

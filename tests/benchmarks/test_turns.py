"""The control of the benchmark of several worker processes."""

from benchmarks import turns


def test_a_turn_costs_by_what_it_reads():
    little, much = (turns.cost_us(processes=3, objects=objects, turns=50) for objects in (10, 2000))

    assert 0 < little < much / 5

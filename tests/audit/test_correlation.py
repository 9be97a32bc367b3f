import time

import pytest

from audit import correlation


@pytest.mark.parametrize("value", ["a", "a" * 64, "3f1e-4.B_2"])
def test_a_well_formed_id_is_taken_over(value):
    assert correlation.well_formed(value)


def test_a_new_id_is_well_formed_and_sorts_after_the_last(monkeypatch):
    monkeypatch.setattr(time, "time_ns", iter([1_764_230_400_000_000_000 + n * 1_000_000 for n in range(3)]).__next__)

    assert correlation.well_formed(correlation.new())
    assert correlation.new() < correlation.new()


@pytest.mark.parametrize("value", ["", "a" * 65, "a b", "a\n", "ä", "a/b", "<script>"])
def test_an_id_that_could_carry_something_else_is_not(value):
    assert not correlation.well_formed(value)


def test_the_outer_names_come_back_after_an_inner_piece_of_work():
    with correlation.bind(correlation_id="outer"):
        with pytest.raises(RuntimeError), correlation.bind(correlation_id="inner"):
            raise RuntimeError
        assert correlation.current().correlation_id == "outer"

    assert correlation.current().correlation_id == ""

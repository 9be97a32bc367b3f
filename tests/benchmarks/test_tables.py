from benchmarks.tables import spread, table


def test_a_ratio_is_taken_within_each_round():
    found = {"ours": [{"events/s": 100.0}, {"events/s": 400.0}], "E": [{"events/s": 200.0}, {"events/s": 200.0}]}

    assert "| events/s | 250 (100 to 400) | 200 (200 to 200) | 1.25 (0.5 to 2) |" in table("A cell", found).splitlines()


def test_a_round_that_is_not_complete_is_left_out():
    found = {"ours": [None, {"Redis": 1.0}], "T": [{"Redis": 4.0}, {"Redis": 2.0}]}

    assert table("A cell", found).splitlines()[-1] == "| Redis, CPU ms/event | 1 | 3 (2 to 4) | 0.5 |"
    assert spread([None]) == "–"

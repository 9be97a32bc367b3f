from webhooks_project.demo.words import duration, times, wrapped


def test_every_line_fits_a_terminal_of_eighty_columns():
    lines = wrapped("word " * 60, "     ")

    assert len(lines) > 1
    assert max(map(len, lines)) < 80


def test_a_long_path_stays_whole():
    path = "/tmp/a-folder/" + "x" * 90

    assert f"     {path}" in wrapped(f"Logs: {path}", "     ")


def test_counts_are_said_in_words():
    assert [times(1, "reply"), times(2, "reply"), times(3, "echo"), times(0, "event")] == [
        "1 reply",
        "2 replies",
        "3 echoes",
        "0 events",
    ]
    assert [duration(0.0234), duration(7.94)] == ["23 ms", "7.9 s"]

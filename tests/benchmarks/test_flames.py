"""Pictures of where the time goes."""

import xml.etree.ElementTree as ET

from benchmarks import flames

RAW = """Thread._bootstrap (threading.py:1002);serve (instagram_webhooks/a.py:10);run (instagram_webhooks/b.py:3) 60
Thread._bootstrap (threading.py:1002);serve (instagram_webhooks/a.py:12);<lambda> (c.py:3) 39
serve (instagram_webhooks/a.py:10) 1
"""


def test_a_function_is_one_box_of_all_its_lines_and_how_a_thread_begins_is_none():
    whole = flames.read(RAW)

    (serve,) = whole.below.values()
    assert (whole.count, serve.count) == (100, 100)
    assert {name: box.count for name, box in serve.below.items()} == {
        "run (instagram_webhooks/b.py)": 60,
        "<lambda> (c.py)": 39,
    }


def test_waits_and_empty_samples_are_left_out():
    waits = "serve (instagram_webhooks/a.py:9);Condition.wait (threading.py:3) 50\n 7\n"

    assert flames.read(RAW + waits, ["Condition.wait"]).count == 100
    assert flames.read(RAW + waits).count == 150


def test_the_picture_shows_each_share():
    root = ET.fromstring(flames.drawn("a < b", flames.read(RAW)))

    titles = [each.text for each in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["serve (instagram_webhooks/a.py): 100.0 %", "run (instagram_webhooks/b.py): 60.0 %",
                      "<lambda> (c.py): 39.0 %"]  # fmt: skip

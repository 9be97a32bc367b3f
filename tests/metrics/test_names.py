"""What the names promise, held against the code that counts."""

import contextlib
import re

import pytest

from instagram_webhooks import errors, metrics
from instagram_webhooks.metrics import files
from instagram_webhooks.metrics.kinds import OTHER, Counter, Gauge, Histogram
from instagram_webhooks.replies import graph_errors

FREE = {"account", "sender", "conversation", "event", "id", "text", "user", "path"}


@pytest.mark.parametrize("metric", metrics.ALL, ids=lambda metric: metric.name)
def test_a_name_has_our_prefix_and_says_its_unit(metric):
    assert re.fullmatch(r"webhooks_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == isinstance(metric, Counter)
    assert metric.name.endswith("_seconds") or not isinstance(metric, Histogram)
    assert not FREE & set(metric.labels)


def test_the_codes_that_are_told_apart_are_those_that_decide():
    sets = (graph_errors.THROTTLING, graph_errors.TOKEN, graph_errors.BLOCKED, graph_errors.AMBIGUOUS)
    pairs = graph_errors.BLOCKED_SUBCODES | graph_errors.FOR_GOOD_SUBCODES

    decisive = set().union(*sets) | {code for code, _ in pairs}

    assert set(metrics.GRAPH_CODES) == {str(code) for code in decisive}


def test_every_refusal_of_the_door_is_a_cause_of_its_own():
    codes = {each.code for each in errors.Rejected.__subclasses__()} | {errors.StoreUnavailable.code}

    assert codes < set(metrics.REFUSED.labels["cause"])


def test_all_that_may_ever_be_counted_fits_into_the_room_that_is_made_for_it(counted, tmp_path):
    from prometheus_client.mmap_dict import MmapedDict

    for file in tmp_path.glob("*.db"):
        assert file.stat().st_blocks * 512 >= file.stat().st_size == files.FILE_BYTES  # no hole in it
        with contextlib.closing(MmapedDict(str(file), read_mode=True)) as found:
            assert found._used < files.FILE_BYTES * 0.75
    assert len(list(tmp_path.glob("*.db"))) == 2


def test_every_series_is_there_before_anything_was_counted(counted):
    found = counted()

    for counter in (each for each in metrics.COUNTED if isinstance(each, Counter)):
        labels = sorted(counter.labels)
        for values in counter.series:
            by_name = dict(zip(counter.labels, values, strict=True))
            assert found[counter.name, *(by_name[label] for label in labels)] == 0
    assert {each.name for each in metrics.ALL if not isinstance(each, Gauge)} <= {
        re.sub(r"_(count|sum|bucket)$", "", name) for name, *_ in found
    }


def test_what_a_label_does_not_know_is_other_or_nothing_and_never_a_label(counted):
    metrics.GRAPH_CALLS.add("instagram", "123456")
    metrics.REFUSED.add("+49 170 canary")
    metrics.RECEIVED.add("+49 170 canary")

    found = counted()

    assert found[metrics.GRAPH_CALLS.name, OTHER, "instagram"] == 1
    assert found[metrics.REFUSED.name, OTHER] == 1
    assert sum(value for (name, *_), value in found.items() if name == metrics.RECEIVED.name) == 0
    assert not any("canary" in word for series in found for word in series)


def test_clocks_that_differ_count_as_nothing_waited(counted):
    metrics.PROCESSED.observe(-3)

    assert counted()[f"{metrics.PROCESSED.name}_sum",] == 0


def test_until_somebody_may_ask_nothing_is_counted(tmp_path, monkeypatch):
    monkeypatch.setenv(files.VARIABLE, str(tmp_path))

    metrics.RECEIVED.add("instagram")
    metrics.ACK.observe(1)

    assert list(tmp_path.iterdir()) == []

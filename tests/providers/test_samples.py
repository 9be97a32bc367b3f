"""Every sample is what its name says, in all the ways that the room reads it."""

import json
from datetime import UTC, datetime

import pytest

from instagram_webhooks.errors import Unreadable
from instagram_webhooks.providers import content, samples, split

NAMES = samples.names()
NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def provider_of(name):
    return name.split("/")[0]


def kind_of(name):
    kind, variant = name.split("/")[1].split("__")
    return variant.split("_")[0] if kind == "wire" else kind


def described(event):
    return event.kind, event.account, event.identity, event.partner, event.message_id, event.happened_at


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_parses_to_the_kind_in_its_name(name):
    events = split(provider_of(name), samples.load(name))

    assert {event.kind for event in events} == {kind_of(name)}


@pytest.mark.parametrize("name", NAMES)
def test_only_the_dashboards_samples_are_tests_and_only_they_are_new_each_time(name):
    first, second = (split(provider_of(name), samples.load(name)) for _ in range(2))

    is_dashboard = "dashboard" in name
    assert {event.is_test for event in first} == {is_dashboard}
    assert (first == second) is not is_dashboard


@pytest.mark.parametrize("name", NAMES)
def test_the_raw_of_an_event_is_a_body_with_that_event_alone(name):
    provider = provider_of(name)

    for event in split(provider, samples.load(name)):
        if event.kind == "unreadable":
            continue
        (again,) = split(provider, event.raw)
        assert described(again)[:2] == described(event)[:2]
        assert event.is_test or described(again) == described(event)
        assert again.raw == event.raw


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_with_an_event_can_be_told(name):
    provider = provider_of(name)

    for event in split(provider, samples.load(name)):
        if event.kind in ("unreadable", "empty"):
            with pytest.raises(Unreadable):
                content(provider, event.kind, event.raw)
        else:
            told = content(provider, event.kind, event.raw)
            assert (told.partner, told.message_id) == (event.partner, event.message_id)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_moved_to_now_holds_the_same_events_later(name):
    provider, body = provider_of(name), samples.load(name)

    moved = samples.with_times_now(body, NOW)

    before, after = split(provider, body), split(provider, moved)
    assert [event.kind for event in after] == [event.kind for event in before]
    assert [event.message_id for event in after] == [event.message_id for event in before]
    times = [event.happened_at for event in after if event.happened_at and not event.is_test]
    assert all(abs((NOW - time).total_seconds()) < 15 for time in times)
    assert bool(times) == any(event.happened_at and not event.is_test for event in before)


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) not in ("empty", "unknown", "unreadable")])
def test_a_fresh_sample_is_made_of_new_events_that_keep_their_ties(name):
    provider, body = provider_of(name), samples.load(name)

    first, second = (split(provider, samples.with_times_now(body, NOW, fresh=True)) for _ in range(2))

    old, new = split(provider, body), {event.identity for event in first}
    assert not new & {event.identity for event in old}
    if not any(event.message_id is None for event in old):
        assert not new & {event.identity for event in second}
        assert len(new) == len({event.identity for event in old})


def test_moving_times_keeps_their_form_and_order():
    tree = {
        "time": 1790000000500,
        "a": {"timestamp": 1790000000100},
        "b": [{"timestamp": "1790000000"}],
        "time_zone": 7,
    }
    body = json.dumps(tree).encode()

    moved = json.loads(samples.with_times_now(body, NOW))

    end = int(NOW.timestamp()) * 1000
    assert moved == {
        "time": end,
        "a": {"timestamp": end - 400},
        "b": [{"timestamp": str(end // 1000 - 1)}],
        "time_zone": 7,
    }


@pytest.mark.parametrize("name", [name for name in NAMES if "/wire__" in name])
def test_wire_samples_stand_in_the_form_that_meta_signs(name):
    body = samples.load(name)

    assert body.isascii()
    assert body == body.strip()
    assert b": " not in body
    assert b"%" not in body
    assert b"/" not in body.replace(b"\\/", b"")
    assert samples.wire(json.loads(body)) == body


def test_the_wire_samples_show_each_escape():
    bodies = b"".join(samples.load(name) for name in NAMES if "/wire__" in name)

    assert b"\\/" in bodies
    assert b"\\u0025" in bodies
    assert b"\\ud83e" in bodies


def test_an_unknown_sample_is_refused():
    with pytest.raises(KeyError):
        samples.load("instagram/../../settings")

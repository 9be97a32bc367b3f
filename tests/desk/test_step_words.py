"""Steps in words: whatever stands in the audit log can be said."""

import pytest

from instagram_webhooks.desk.step_words import lines


def told(**detail):
    (line,) = lines([{"at": "2026-03-01T09:00:00.000000Z", "what": "retry.scheduled", "attempt": 2, "detail": detail}])
    return line


@pytest.mark.parametrize(
    ("detail", "facts"),
    [
        ({"wait_s": 0.25}, ["again in 250 ms"]),
        ({"wait_s": 60}, ["again in 1 min"]),
        ({"wait_s": "soon"}, ["again: soon"]),
        ({"wait_s": [1, 2]}, ["again: [1, 2]"]),
        ({"code": "graph_failed", "status": 503, "graph_code": 2}, ["graph failed", "HTTP 503", "Graph code 2"]),
        ({"fence": 3, "place": 1, "counts": True}, []),
        ({"what_comes_later": ["a", "b"]}, ["what comes later a, b"]),
    ],
)
def test_facts_are_said_in_words_and_what_says_nothing_is_left_out(detail, facts):
    assert told(**detail).facts == facts


def test_what_waits_for_a_pause_of_its_account_is_not_said_to_have_failed():
    assert told(code="graph_failed").what == "failed, to be tried again"
    assert told(code="account_paused").what == "waits for its account"


def test_what_does_not_count_as_an_attempt_has_no_number():
    assert told(counts=True).attempt == 2
    assert told(counts=False).attempt is None

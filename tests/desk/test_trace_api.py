"""Trace over REST: what `manage.py trace --json` prints."""

import io
import json

import pytest
from django.core.management import call_command

from tests.desk.builders import an_event
from tests.rest.asking import asking, get, problem

pytestmark = pytest.mark.django_db


def test_it_answers_as_the_command_prints():
    event = an_event(state="processed")
    printed = io.StringIO()
    call_command("trace", str(event.pk), "--json", stdout=printed)

    answer = get(asking(), "trace/", key=str(event.pk)).json()

    assert answer.pop("is_cut") is False
    assert answer == json.loads(printed.getvalue())
    assert "timeline" in answer["events"][0]


def test_where_nothing_is_known_it_says_so_and_is_no_error():
    answer = get(asking(), "trace/", key="no-such-id")

    assert (answer.status_code, answer.json()) == (200, {"query": "no-such-id", "events": [], "is_cut": False})


@pytest.mark.parametrize("key", ["\0", "a\0b", "é" * 512, "%", "' OR 1=1"])
def test_whatever_is_typed_is_looked_for(key):
    assert get(asking(), "trace/", key=key).json()["events"] == []


@pytest.mark.parametrize(
    ("query", "code"), [({}, "bad_filter"), ({"key": ""}, "bad_filter"), ({"key": "k" * 513}, "bad_filter"),
                        ({"key": "k", "kind": "x"}, "unknown_parameter")]
)  # fmt: skip
def test_a_question_that_is_none_is_refused(query, code):
    assert problem(get(asking(), "trace/", **query)) == (400, code)

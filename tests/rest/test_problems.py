"""What is answered where a request cannot be read, or a view fails."""

import json
import uuid

import pytest
from django.test import RequestFactory

from tests.rest.asking import asking, get, problem
from webhooks_project.nowhere import failed

pytestmark = pytest.mark.django_db
NOTE = f"/api/v1/causes/{uuid.UUID(int=1)}/note/"


@pytest.fixture
def ops():
    return asking("dead_letters.view_cause", "dead_letters.act_on_cause")


def test_a_body_that_is_longer_than_any_is_refused_unread(ops):
    body = b'{"note": "' + b"x" * 3_000_000 + b'"}'

    assert problem(ops.post(NOTE, body, content_type="application/json", secure=True)) == (413, "body_too_large")


def test_a_body_that_is_no_json_is_refused(ops):
    preview = asking("dead_letters.act_on_deadletter", "dead_letters.view_deadletter", "dead_letters.view_replaybatch")

    answer = preview.post("/api/v1/replay-batches/preview/", b"{", content_type="application/json", secure=True)

    assert problem(answer) == (400, "parse_error")


def test_nothing_but_json_is_answered(ops):
    answer = ops.get("/api/v1/events/", HTTP_ACCEPT="text/html", secure=True)

    assert problem(answer) == (406, "not_acceptable")
    assert problem(get(ops, "events/", format="xml")) == (400, "unknown_parameter")


def test_a_time_in_a_zone_that_the_database_does_not_know_is_a_time(ops):
    assert get(ops, "events/", since="2026-03-01T09:00:00+23:59").status_code == 200
    assert problem(get(ops, "events/", since="0001-01-01T00:00:00+23:59")) == (400, "bad_filter")


def test_a_view_that_fails_answers_a_program_with_a_problem_and_a_person_with_a_page():
    answers = [failed(RequestFactory().get(path)) for path in ("/api/v1/events/", "/admin/")]

    assert [answer.status_code for answer in answers] == [500, 500]
    assert answers[0].headers["Content-Type"] == "application/problem+json"
    assert json.loads(answers[0].content)["code"] == "error"
    assert answers[1].headers["Content-Type"].startswith("text/html")

"""What the API answers where it does not do what was asked: always a problem document, never a page."""

import itertools
import uuid

import pytest
from django.contrib.auth.models import User
from knox.models import AuthToken
from rest_framework.test import APIClient

from audit.ids import uuid7
from dead_letters.models import DeadLetter

pytestmark = pytest.mark.django_db
LETTER = uuid.UUID("376679d6-c1c1-4f84-9a09-fdedb2cfaafd")  # the same in each process of a parallel run


@pytest.fixture
def reader():
    _, token = AuthToken.objects.create(User.objects.create_user("reader"))
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


@pytest.fixture(params=[True, False], ids=["debug", "not debug"], autouse=True)
def debug(request, settings):
    settings.DEBUG = request.param


def a_problem(answer):
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "code", "detail", "correlation_id"}
    assert body["status"] == answer.status_code
    assert "{" not in body["title"]
    return answer.status_code, body["code"]


@pytest.mark.parametrize("method", ["get", "post", "delete", "head"])
def test_where_nothing_is_the_answer_is_a_problem(reader, method):
    paths = ("", "letters/", "events/nonsense/", "dead-letters/nonsense/replay/", f"dead-letters/{LETTER}/burn/", "a/b")
    for client, path in itertools.product((APIClient(), reader), paths):
        answer = getattr(client, method)(f"/api/v1/{path}", secure=True)

        if method == "head":
            assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json"), path
        else:
            assert a_problem(answer) == (404, "not_found"), path


@pytest.mark.parametrize("path", ["events", f"dead-letters/{LETTER}/replay"])
def test_a_post_without_the_slash_at_the_end_is_told_of_it(reader, path):
    answer = reader.post(f"/api/v1/{path}", {"reason": "r"}, format="json", secure=True)

    assert a_problem(answer) == (404, "not_found")
    assert answer.json()["detail"] == f"The address ends with a slash: /api/v1/{path}/"


def test_a_get_without_the_slash_at_the_end_is_led_there(reader):
    answer = reader.get("/api/v1/events?state=dead", secure=True)

    assert (answer.status_code, answer.headers["Location"]) == (301, "/api/v1/events/?state=dead")


def test_a_bare_api_address_is_nowhere_too(reader):
    assert a_problem(reader.post("/api/v1", secure=True)) == (404, "not_found")


def test_a_method_that_is_not_offered_has_a_whole_title(reader):
    answer = reader.delete("/api/v1/events/", secure=True)

    assert a_problem(answer) == (405, "method_not_allowed")
    assert answer.json()["title"] == "Method not allowed."
    assert "DELETE" in answer.json()["detail"]


def test_a_body_that_is_no_json_has_a_whole_title():
    ops = APIClient()
    ops.force_authenticate(User.objects.create_superuser("ops"))
    letter = DeadLetter.objects.create(subject_id=LETTER, code="bug", attempts=1, subject_kind="x", cause_id=uuid7())

    answer = ops.post(f"/api/v1/dead-letters/{letter.pk}/replay/", "reason=r", content_type="text/plain", secure=True)

    assert a_problem(answer) == (415, "unsupported_media_type")
    assert answer.json()["title"] == "Unsupported media type in request."


@pytest.mark.parametrize("query", ["status=open", "state=dead&sort=age"])
def test_a_parameter_that_events_do_not_have_is_refused_with_those_that_they_have(reader, query):
    answer = reader.get(f"/api/v1/events/?{query}", secure=True)

    assert a_problem(answer) == (400, "unknown_parameter")
    assert "state, provider, kind, account, code, since, until, limit, cursor" in answer.json()["detail"]

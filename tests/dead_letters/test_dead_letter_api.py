"""Dead letters over REST."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.urls import include, path
from django.utils import timezone
from rest_framework.test import APIClient

from dead_letters import review
from dead_letters.api import DeadLetterList
from dead_letters.models import DeadLetter
from dead_letters.subject import Outlook

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [path("api/v1/", include("dead_letters.urls"))]
LETTERS = "/api/v1/dead-letters/"


def logged_in(name, *permissions):
    user = User.objects.create_user(name)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def reader():
    return logged_in("reader")


@pytest.fixture
def ops():
    return logged_in("anna", "act_on_deadletter")


def get(client, url, **query):
    return client.get(url, query, secure=True)


def act(client, letter, what, body):
    return client.post(f"{LETTERS}{letter.pk}/{what}/", body, format="json", secure=True)


def test_nobody_reads_without_logging_in():
    assert get(APIClient(), LETTERS).status_code in (401, 403)


def test_a_letter_is_shown_as_the_interface_says(reader, buried, error):
    letter = buried(correlation_id="req.1", attempts=3, error=error(upstream_subcode=33))

    shown = get(reader, f"{LETTERS}{letter.pk}/").json()

    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": str(letter.pk),
        "event_id": str(letter.subject_id),
        "correlation_id": "req.1",
        "provider": "instagram",
        "kind": "message",
        "account": "17841400000000001",
        "status": "open",
        "error_class": "GraphRefused",
        "code": "graph_refused",
        "graph_code": 100,
        "graph_subcode": 33,
        "summary": "The Graph API refused the call for good.",
        "attempts": 3,
        "closed_at": None,
        "replays": 0,
        "cause_id": str(letter.cause_id),
        "on_replay": None,
        "decisions": [],
    }


def test_a_letter_in_doubt_offers_its_decisions_until_one_is_made(ops, graves, buried):
    letter = buried()
    graves.known[letter.subject_id] = Outlook(on_replay="It looks first.", is_in_doubt=True)

    before = get(ops, f"{LETTERS}{letter.pk}/").json()
    made = act(ops, letter, "arrived", {"reason": "seen"})
    again = act(ops, letter, "send_again", {"reason": "seen"})

    assert (before["on_replay"], before["decisions"]) == ("It looks first.", ["arrived", "send_again"])
    assert (made.status_code, made.json()["status"], again.status_code) == (200, "resolved", 409)
    assert graves.decided == [(letter.subject_id, True)]


def test_nothing_is_decided_about_a_letter_without_a_doubt(ops, buried):
    letter = buried()

    assert act(ops, letter, "send_again", {"reason": "seen"}).status_code == 409
    letter.refresh_from_db()
    assert letter.status == "open"


def test_what_has_no_account_says_null(reader, buried):
    letter = buried(account_label="")

    assert get(reader, f"{LETTERS}{letter.pk}/").json()["account"] is None


def test_an_unknown_letter_is_not_found(reader):
    assert get(reader, f"{LETTERS}{uuid.uuid4()}/").status_code == 404


def test_pages_walk_all_letters_newest_first_and_back(reader, buried):
    ids = [str(buried().pk) for _ in range(5)]
    first = get(reader, LETTERS, limit=2).json()
    second = reader.get(first["next"], secure=True).json()
    third = reader.get(second["next"], secure=True).json()

    walked = [row["id"] for page in (first, second, third) for row in page["results"]]
    assert walked == ids[::-1]
    assert first["previous"] is None
    assert third["next"] is None
    assert reader.get(second["previous"], secure=True).json()["results"] == first["results"]


def test_a_page_holds_at_most_100_letters(reader, buried):
    buried()
    letter = DeadLetter.objects.get()
    DeadLetter.objects.bulk_create(
        DeadLetter(
            **{
                field.attname: getattr(letter, field.attname)
                for field in DeadLetter._meta.fields
                if field.attname not in ("id", "subject_id", "created_at")
            },
            subject_id=uuid.uuid4(),
        )
        for _ in range(120)
    )

    assert len(get(reader, LETTERS, limit=1000).json()["results"]) == 100


@pytest.mark.parametrize(
    "query",
    [
        {"status": "open"},
        {"provider": "whatsapp"},
        {"kind": "echo"},
        {"account": "42"},
        {"code": "unreadable"},
        {"status": "open", "code": "unreadable", "account": "42"},
    ],
)
def test_the_list_is_filtered(reader, buried, error, query):
    wanted = buried(provider="whatsapp", kind="echo", account_label="42", error=error(code="unreadable"))
    other = buried()
    review.discard([other.pk], reason="r", actor="anna")

    assert [row["id"] for row in get(reader, LETTERS, **query).json()["results"]] == [str(wanted.pk)]


def test_since_is_inclusive_and_until_is_not(reader, buried):
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    letter = buried()
    DeadLetter.objects.filter(pk=letter.pk).update(created_at=moment)

    def found(**query):
        return len(get(reader, LETTERS, **query).json()["results"])

    assert found(since="2026-01-01T12:00:00Z", until="2026-01-01T12:00:01Z") == 1
    assert found(since="2026-01-01T12:00:00.000001Z") == 0
    assert found(until="2026-01-01T12:00:00Z") == 0
    assert found(since="2026-01-01", until="2026-01-02") == 1
    assert found(since=(moment - timedelta(hours=1)).replace(tzinfo=None).isoformat()) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"until": "2026-02-31T00:00:00Z"},
        {"since": ""},
        {"status": "shut"},
        {"code": "a\0b"},
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(reader, query):
    assert get(reader, LETTERS, **query).status_code == 400


@pytest.mark.parametrize("query", [{"state": "open"}, {"status": "open", "sort": "age"}, {"": "x"}])
def test_a_parameter_that_does_not_exist_is_refused_with_those_that_do(reader, buried, query):
    buried()

    answer = get(reader, LETTERS, **query)

    assert answer.status_code == 400
    known = "The parameters of this list: status, provider, kind, account, code, cause, since, until, limit, cursor."
    assert known in str(answer.json())


@pytest.mark.parametrize(
    ("what", "status", "after"),
    [("replay", 202, "replayed"), ("resolve", 200, "resolved"), ("discard", 200, "discarded")],
)
def test_an_act_answers_with_the_letter_and_a_second_one_conflicts(ops, buried, what, status, after):
    letter = buried()

    first = act(ops, letter, what, {"reason": "token renewed"})
    second = act(ops, letter, what, {"reason": "token renewed"})

    assert (first.status_code, first.json()["status"], first.json()["id"]) == (status, after, str(letter.pk))
    assert first.json()["closed_at"].endswith("Z")
    assert second.status_code == 409
    letter.refresh_from_db()
    assert (letter.closed_by, letter.close_reason) == ("anna", "token renewed")


def test_a_closed_letter_is_reopened_and_an_open_one_conflicts(ops, buried):
    letter = buried()
    act(ops, letter, "discard", {"reason": "r"})

    assert act(ops, letter, "reopen", {"reason": "r"}).status_code == 200
    assert act(ops, letter, "reopen", {"reason": "r"}).status_code == 409


def test_a_replay_that_is_impossible_conflicts_and_says_why(ops, buried, graves):
    letter = buried()
    graves.gone[letter.subject_id] = "its payload is gone"

    answer = act(ops, letter, "replay", {"reason": "r"})

    assert answer.status_code == 409
    assert "its payload is gone" in str(answer.json())


@pytest.mark.parametrize("what", list(review.ACTS))
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "r" * 501}, {"reason": ["r"]}, [1]])
def test_an_act_without_a_usable_reason_is_refused(ops, buried, what, body):
    letter = buried()

    assert act(ops, letter, what, body).status_code == 400

    letter.refresh_from_db()
    assert letter.status == "open"


@pytest.mark.parametrize("what", list(review.ACTS))
def test_who_may_only_look_may_not_act(reader, buried, what):
    letter = buried()

    assert act(reader, letter, what, {"reason": "r"}).status_code == 403

    letter.refresh_from_db()
    assert letter.status == "open"


@pytest.mark.parametrize("wanted", [{}, {"status": "open"}])
def test_the_list_walks_an_index_and_sorts_nothing(wanted):
    page = DeadLetter.objects.filter(**wanted, created_at__lt=timezone.now()).order_by(*DeadLetterList.order)

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # on a near-empty table a sort is as cheap
        plan = page.explain()

    assert "Index Scan using dead_letter_" in plan
    assert "Sort" not in plan

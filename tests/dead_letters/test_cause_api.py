"""Causes over REST."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEntry
from dead_letters import causes, review
from dead_letters.models import Cause
from tests.rest.asking import asking, get, post, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return asking("dead_letters.view_cause", "dead_letters.act_on_cause")


def test_a_cause_is_shown_with_its_figures(ops, buried, error):
    letters = [buried(account_label=account, error=error(upstream_subcode=33)) for account in ("1", "1", "2")]
    review.discard([letters[0].pk], reason="r", actor="anna")
    causes.keep()

    (shown,) = get(ops, "causes/").json()["results"]

    assert shown == get(ops, f"causes/{letters[0].cause_id}/").json()
    assert shown.pop("first_seen_at") <= shown.pop("last_seen_at")
    assert shown.pop("changed_at").endswith("Z")
    assert shown.pop("died_by_hour")[-2:] in ([0, 3], [3, 0])
    assert shown == {
        "id": str(letters[0].cause_id),
        "state": "open",
        "code": "graph_refused",
        "graph_code": 100,
        "graph_subcode": 33,
        "error_class": "GraphRefused",
        "summary": "The Graph API refused the call for good.",
        "place": "",
        "recurred_at": None,
        "ignored_until": None,
        "changed_by": "",
        "note": "",
        "may_become": ["acknowledged", "resolved", "ignored"],
        "open_letters": 2,
        "accounts": 2,
    }


@pytest.mark.parametrize(("query", "found"), [({"state": "resolved"}, ["b"]), ({"code": "a"}, ["a"]), ({}, ["b", "a"])])
def test_causes_are_narrowed_and_come_newest_first(ops, buried, error, query, found):
    buried(error=error(code="a"))
    second = buried(error=error(code="b"))
    causes.say(second.cause_id, causes.CauseState.RESOLVED, actor="anna", reason="mended")

    assert [each["code"] for each in get(ops, "causes/", **query).json()["results"]] == found


def test_the_letters_of_a_cause_are_found_by_it(ops, buried, error):
    letter, _ = buried(error=error(code="a")), buried(error=error(code="b"))

    (found,) = get(ops, "dead-letters/", cause=str(letter.cause_id)).json()["results"]

    assert (found["id"], found["cause_id"]) == (str(letter.pk), str(letter.cause_id))
    assert problem(get(ops, "dead-letters/", cause="a")) == (400, "bad_filter")


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [("acknowledge", "open", "acknowledged"), ("resolve", "open", "resolved"), ("reopen", "resolved", "open")],
)
def test_what_is_said_of_a_cause_is_answered_with_it_and_audited(ops, buried, verb, before, after):
    cause_id = buried().cause_id
    Cause.objects.filter(pk=cause_id).update(state=before)

    answer = post(ops, f"causes/{cause_id}/{verb}/", {"reason": "token renewed"})
    again = post(ops, f"causes/{cause_id}/{verb}/", {"reason": "token renewed"})

    assert (answer.status_code, answer.json()["state"], answer.json()["changed_by"]) == (200, after, "anna")
    assert problem(again) == (409, "conflict")
    entry = AuditEntry.objects.get(subject_id=cause_id)
    assert (entry.actor, entry.reason) == ("anna", "token renewed")


def test_a_cause_is_ignored_for_so_many_hours(ops, buried):
    cause_id = buried().cause_id

    answer = post(ops, f"causes/{cause_id}/ignore/", {"reason": "known", "hours": 24})

    assert answer.json()["state"] == "ignored"
    away = Cause.objects.get(pk=cause_id).ignored_until - timezone.now()
    assert timedelta(hours=23, minutes=59) < away <= timedelta(hours=24)


def test_a_note_takes_the_place_of_the_one_before(ops, buried):
    cause_id = buried().cause_id
    for note in ("ask Ben", "ask Eve"):
        assert post(ops, f"causes/{cause_id}/note/", {"note": note}).json()["note"] == note


@pytest.mark.parametrize(
    ("act", "body", "code"),
    [
        ("acknowledge", {}, "reason_required"),
        ("acknowledge", {"reason": " "}, "reason_required"),
        ("acknowledge", {"reason": 5}, "reason_required"),
        ("ignore", {"reason": "known"}, "bad_body"),
        ("ignore", {"reason": "known", "hours": 721}, "bad_body"),
        ("ignore", {"reason": "known", "hours": "24"}, "bad_body"),
        ("ignore", {"reason": "known", "hours": 1, "until": "tomorrow"}, "bad_body"),
        ("note", {"reason": "ask Ben"}, "bad_body"),
    ],
)
def test_a_body_that_does_not_say_what_it_must_changes_nothing(ops, buried, act, body, code):
    cause_id = buried().cause_id

    assert problem(post(ops, f"causes/{cause_id}/{act}/", body)) == (400, code)
    assert not AuditEntry.objects.filter(subject_id=cause_id).exists()


@pytest.mark.parametrize("act", ["acknowledge", "note"])
def test_of_a_cause_that_is_none_nothing_is_said(ops, act):
    assert problem(post(ops, f"causes/{uuid.uuid4()}/{act}/", {"reason": "r", "note": "n"})) == (404, "not_found")


def test_a_page_of_causes_costs_the_same_number_of_queries_whatever_it_holds(
    ops, buried, error, django_assert_max_num_queries
):
    for number in range(10):
        buried(error=error(code=f"code_{number}"))

    with django_assert_max_num_queries(12):  # three count, three limit the time, five are about who asks
        get(ops, "causes/")

"""An act under an Idempotency-Key is done once, whatever fails in between and however many ask."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import AuditEntry, KeptAnswer
from audit.rest.once import once
from dead_letters.models import Cause
from instagram_webhooks.worker import housekeeping
from tests.rest.asking import asking, post, problem

pytestmark = pytest.mark.usefixtures("own_database")
RIGHTS = ("dead_letters.view_cause", "dead_letters.act_on_cause")


@pytest.fixture
def cause():
    return Cause.objects.create(pk=uuid.uuid4(), version=1, error_class="GraphRefused", code="refused", summary="No.")


def noted():
    return list(AuditEntry.objects.filter(action="cause.noted").values_list("reason", flat=True))


def test_the_same_request_with_the_same_key_is_done_once_and_answered_alike(cause):
    anna = asking(*RIGHTS)
    first = post(anna, f"causes/{cause.pk}/note/", {"note": "ask Ben"}, key="k 1")

    again = post(anna, f"causes/{cause.pk}/note/", {"note": "ask Ben"}, key="k 1")

    assert noted() == ["ask Ben"]
    assert (again.status_code, again.content) == (first.status_code, first.content) == (200, first.content)
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")


def test_without_a_key_it_is_done_twice(cause):
    anna = asking(*RIGHTS)
    for _ in range(2):
        post(anna, f"causes/{cause.pk}/note/", {"note": "ask Ben"})

    assert noted() == ["ask Ben"] * 2
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize("act", ["note", "acknowledge"])
def test_a_key_is_of_one_request(cause, act):
    anna = asking(*RIGHTS)
    post(anna, f"causes/{cause.pk}/note/", {"note": "ask Ben"}, key="k")

    other = post(anna, f"causes/{cause.pk}/{act}/", {"note": "ask Eve", "reason": "mine"}, key="k")

    assert problem(other) == (422, "idempotency_key_reused")
    assert noted() == ["ask Ben"]
    cause.refresh_from_db()
    assert cause.state == "open"


def test_two_users_may_choose_the_same_key(cause):
    for name in ("anna", "ben"):
        answer = post(asking(*RIGHTS, name=name), f"causes/{cause.pk}/note/", {"note": name}, key="k")
        assert answer.status_code == 200

    assert noted() == ["anna", "ben"]


def test_what_was_refused_leaves_the_key_free_for_what_was_put_right(cause):
    anna = asking(*RIGHTS)

    refused = post(anna, f"causes/{cause.pk}/note/", {"note": ""}, key="k")
    mended = post(anna, f"causes/{cause.pk}/note/", {"note": "ask Ben"}, key="k")

    assert problem(refused) == (400, "bad_body")
    assert mended.status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x07b"])
def test_a_key_that_is_none_is_refused_before_anything_is_done(cause, key):
    answer = post(asking(*RIGHTS), f"causes/{cause.pk}/note/", {"note": "ask Ben"}, key=key)

    assert problem(answer) == (400, "bad_idempotency_key")
    assert noted() == []


def test_of_many_at_once_one_acts_and_the_others_get_its_answer(cause):
    anna = asking(*RIGHTS)

    def ask(_):
        try:
            return post(anna, f"causes/{cause.pk}/note/", {"note": "ask Ben"}, key="k")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))

    assert noted() == ["ask Ben"]
    # Whoever waited longer than half a second was told to ask again.
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1


def test_while_the_first_is_under_way_the_second_is_told_so_and_nothing_is_done(own_database, cause):
    anna, path = asking(*RIGHTS), f"causes/{cause.pk}/note/"
    post(anna, path, {"note": "before"}, key="k")
    row = KeptAnswer.objects.get()
    KeptAnswer.objects.all().delete()

    with psycopg.connect(own_database) as first:  # as far as the first request comes before it commits
        first.execute("INSERT INTO audit_keptanswer (id, asked, status, body) VALUES (%s, %s, 0, '')",
                      [row.pk, row.asked])  # fmt: skip
        second = post(anna, path, {"note": "ask Ben"}, key="k")
        first.rollback()  # and dies
    third = post(anna, path, {"note": "ask Ben"}, key="k")

    assert problem(second) == (409, "idempotency_key_in_use")
    assert third.status_code == 200
    assert noted() == ["before", "ask Ben"]


@pytest.mark.parametrize("dies", ["at the key", "at the act", "at the answer", "at the commit"])
def test_a_process_that_dies_on_the_way_did_nothing_and_the_key_is_free(own_database, cause, dies):
    """The database ends the connection there, as it does when the process is killed."""
    anna, path = asking(*RIGHTS), f"causes/{cause.pk}/note/"
    table, when = {
        "at the key": ("audit_keptanswer", "BEFORE INSERT"),
        "at the act": ("dead_letters_cause", "BEFORE UPDATE"),
        "at the answer": ("audit_keptanswer", "AFTER UPDATE"),
        "at the commit": ("audit_keptanswer", "AFTER INSERT"),
    }[dies]
    late = "CONSTRAINT TRIGGER die {when} ON {table} DEFERRABLE INITIALLY DEFERRED" if "commit" in dies else ""
    made = late.format(when=when, table=table) or f"TRIGGER die {when} ON {table}"
    with psycopg.connect(own_database, autocommit=True) as ops:
        ops.execute("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                    " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END'")  # fmt: skip
        ops.execute(f"CREATE {made} FOR EACH ROW EXECUTE FUNCTION die()")
        try:
            died = post(anna, path, {"note": "ask Ben"}, key="k")
        finally:
            ops.execute("DROP FUNCTION die() CASCADE")
    connection.close()
    left = (noted(), KeptAnswer.objects.count())
    again = post(anna, path, {"note": "ask Ben"}, key="k")

    assert problem(died) == (503, "unavailable")
    assert left == ([], 0)
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (200, None)
    assert noted() == ["ask Ben"]


def test_an_answer_that_was_lost_on_the_way_is_given_again(cause):
    """The process died after the commit: its client has no answer, and the row has it."""
    anna, path = asking(*RIGHTS), f"causes/{cause.pk}/acknowledge/"
    lost = post(anna, path, {"reason": "mine"}, key="k")
    Cause.objects.filter(pk=cause.pk).update(note="changed since")

    again = post(anna, path, {"reason": "mine"}, key="k")

    assert again.json() == lost.json()
    assert AuditEntry.objects.filter(action="cause.acknowledged").count() == 1


def test_neither_key_nor_reason_stands_in_the_row(own_database, cause):
    post(asking(*RIGHTS), f"causes/{cause.pk}/acknowledge/", {"reason": "Mrs Miller asked"}, key="mrs-miller")

    with psycopg.connect(own_database) as inside:
        stored = str(inside.execute("SELECT * FROM audit_keptanswer").fetchall())

    assert "iller" not in stored


def test_answers_are_forgotten_after_a_day(cause):
    anna = asking(*RIGHTS)
    for key in ("old", "new"):
        post(anna, f"causes/{cause.pk}/note/", {"note": key}, key=key)
    oldest = KeptAnswer.objects.order_by("created_at").first()
    KeptAnswer.objects.filter(pk=oldest.pk).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))

    assert housekeeping.tidy()["answers"] == 1

    assert KeptAnswer.objects.count() == 1


def test_only_for_the_key_the_wait_is_short():
    def limit():
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return cursor.fetchone()[0]

    request = Request(RequestFactory().post("/", HTTP_IDEMPOTENCY_KEY="k"))
    request.user = User.objects.create_user("anna")

    answer = once(request, lambda: Response({"during": limit()}))

    assert answer.data == {"during": limit()} == {"during": "10s"}


def test_a_row_that_somebody_holds_is_busy(own_database, cause):
    anna = asking(*RIGHTS)
    with psycopg.connect(own_database) as other:
        other.execute("SELECT 1 FROM dead_letters_cause WHERE id = %s FOR UPDATE", [cause.pk])
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        answer = post(anna, f"causes/{cause.pk}/acknowledge/", {"reason": "mine"})
    connection.close()

    assert problem(answer) == (409, "busy")

"""Replays of many over REST: what the admin's pages ask is asked here too."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from audit.models import AuditEntry
from dead_letters import batch_run
from dead_letters.models import DeadLetter, ReplayBatch
from dead_letters.subject import Outlook
from tests.rest.asking import asking, get, post, problem

pytestmark = pytest.mark.usefixtures("own_database")
WORDS = {"name": "503 of today", "reason": "Meta is back", "rate": 100, "stop_percent": 10}


@pytest.fixture
def ops():
    return asking("dead_letters.act_on_deadletter", "dead_letters.view_deadletter", "dead_letters.view_replaybatch")


def seen(ops, **filters):
    return post(ops, "replay-batches/preview/", {"filters": filters or {"code": "graph_refused"}})


def begun(ops, *, until=None, filters=None, **more):
    until = until or seen(ops).json()["until"]
    body = {"filters": filters or {"code": "graph_refused"}, "until": until}
    return post(ops, "replay-batches/", body | WORDS | more)


def many(buried, count):
    """So many open letters of one cause."""
    buried()
    others = [field.column for field in DeadLetter._meta.fields if field.column not in ("id", "subject_id")]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO dead_letters_deadletter (id, subject_id, {', '.join(others)})"
            f" SELECT gen_random_uuid(), gen_random_uuid(), {', '.join(others)}"
            " FROM dead_letters_deadletter, generate_series(2, %s)", [count],
        )  # fmt: skip


def test_a_preview_says_what_would_go_and_what_not_and_changes_nothing(ops, buried, graves):
    settled, doubtful, _, other = buried(), buried(), buried(), buried(account_label="2")
    graves.known[settled.subject_id] = Outlook(on_replay="already answered", is_settled=True)
    graves.known[doubtful.subject_id] = Outlook(on_replay="It looks first.", is_in_doubt=True)

    shown = seen(ops, code="graph_refused", kind="message")

    body = shown.json()
    assert shown.status_code == 200
    assert (body["count"], body["looked_up"], body["left_out"]) == (3, 1, {"already answered": 1})
    assert body["by_account"] == [{"account": "17841400000000001", "count": 2}, {"account": "2", "count": 1}]
    assert body["oldest_at"] < body["until"]
    assert not ReplayBatch.objects.exists()
    assert seen(ops, account="2").json()["count"] == 1
    assert seen(ops, cause=str(other.cause_id)).json()["count"] == 3


@pytest.mark.parametrize(
    ("filters", "code"),
    [({}, "empty_filter"), ({"cuse": "x"}, "bad_body"), ({"cause": "x"}, "bad_body"), ({"kind": ""}, "bad_body")],
)
def test_a_choice_that_is_none_is_refused(ops, buried, filters, code):
    buried()

    answer = post(ops, "replay-batches/preview/", {"filters": filters})

    assert problem(answer) == (400, code)


def test_what_was_seen_is_frozen_and_goes(ops, buried, graves):
    letters = [buried() for _ in range(3)]
    until = seen(ops).json()["until"]
    late = buried()

    answer = begun(ops, until=until)

    batch = ReplayBatch.objects.get()
    body = answer.json()
    assert answer.status_code == 201
    assert body.pop("progress") == {"waiting": 3, "at_work": 0, "processed": 0, "failed": 0, "skipped": {}}
    assert body.pop("created_at").endswith("Z")
    assert body == WORDS | {
        "id": str(batch.pk),
        "state": "running",
        "why": "",
        "filters": {"code": "graph_refused"},
        "actor": "anna",
        "total": 3,
        "ended_at": None,
    }
    ReplayBatch.objects.update(ran_at=timezone.now() - timedelta(seconds=10))
    batch_run.run()
    assert graves.replayed == [letter.subject_id for letter in letters]
    late.refresh_from_db()
    assert late.status == "open"
    assert AuditEntry.objects.get(action="replay_batch.started").actor == "anna"


def test_one_key_begins_one_replay(ops, buried):
    buried()
    body = {"filters": {"code": "graph_refused"}, "until": seen(ops).json()["until"]} | WORDS

    answers = [post(ops, "replay-batches/", body, key="k") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert ReplayBatch.objects.count() == 1


def test_many_need_their_number(ops, buried):
    many(buried, 1001)

    unsaid, wrong, right = begun(ops), begun(ops, count=1000), begun(ops, count=1001)

    assert (problem(unsaid), problem(wrong)) == ((409, "count_differs"),) * 2
    assert "1001" in unsaid.json()["detail"]
    assert (right.status_code, right.json()["total"]) == (201, 1001)


def test_a_number_that_is_said_is_true_of_few_too(ops, buried):
    buried()

    assert problem(begun(ops, count=2)) == (409, "count_differs")
    assert begun(ops, count=1).status_code == 201


def test_where_nothing_would_go_nothing_begins(ops, buried, graves):
    letter = buried()
    graves.known[letter.subject_id] = Outlook(on_replay="already answered", is_settled=True)

    assert problem(begun(ops)) == (409, "nothing_to_replay")
    assert not ReplayBatch.objects.exists()


def test_more_than_ten_thousand_are_refused(ops, buried):
    many(buried, 10_001)

    assert problem(seen(ops)) == (400, "too_many")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"reason": ""}, "reason_required"),
        ({"name": " "}, "bad_body"),
        ({"rate": 0}, "bad_body"),
        ({"rate": 101}, "bad_body"),
        ({"stop_percent": 101}, "bad_body"),
        ({"until": "now"}, "bad_body"),
        ({"cuont": 5}, "bad_body"),
    ],
)
def test_a_replay_that_is_not_wholly_said_does_not_begin(ops, buried, more, code):
    buried()

    assert problem(begun(ops, **{"until": "2026-03-01T09:00:00Z"} | more)) == (400, code)
    assert not ReplayBatch.objects.exists()


def test_it_is_paused_resumed_slowed_down_and_stopped(ops, buried):
    buried()
    path = f"replay-batches/{begun(ops).json()['id']}/"

    said = [post(ops, f"{path}{verb}/") for verb in ("pause", "pause", "resume", "stop", "resume")]

    assert [answer.status_code for answer in said] == [200, 409, 200, 200, 409]
    assert [said[n].json()["state"] for n in (0, 2, 3)] == ["paused", "running", "stopped"]
    assert problem(said[1]) == (409, "conflict")
    assert problem(post(ops, f"{path}rate/", {"rate": 5})) == (409, "conflict")
    acts = AuditEntry.objects.filter(action__startswith="replay_batch.").order_by("id")
    assert list(acts.values_list("action", flat=True)) == [
        f"replay_batch.{what}" for what in ("started", "paused", "resumed", "stopped")
    ]


def test_its_rate_is_changed_within_bounds(ops, buried):
    buried()
    path = f"replay-batches/{begun(ops).json()['id']}/"

    assert post(ops, f"{path}rate/", {"rate": 5}).json()["rate"] == 5
    assert problem(post(ops, f"{path}rate/", {"rate": 101})) == (400, "bad_body")
    assert get(ops, path).json()["rate"] == 5


def test_its_letters_are_walked_in_the_order_in_which_they_go(ops, buried):
    now = timezone.now()
    letters = [buried(order_at=now - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    batch = begun(ops).json()["id"]
    first = get(ops, f"replay-batches/{batch}/items/", limit=2).json()
    second = ops.get(first["next"], secure=True).json()

    items = first["results"] + second["results"]

    assert [item["dead_letter_id"] for item in items] == [str(letters[n].pk) for n in (1, 2, 0)]
    assert [item["place"] for item in items] == [1, 2, 3]
    assert second["next"] is None
    assert ops.get(second["previous"], secure=True).json()["results"] == first["results"]
    assert get(ops, f"replay-batches/{batch}/items/", outcome="failed").json()["results"] == []
    assert problem(get(ops, f"replay-batches/{uuid.uuid4()}/items/")) == (404, "not_found")


def test_replays_come_newest_first_and_by_state(ops, buried):
    buried()
    first, second = begun(ops).json()["id"], begun(ops).json()["id"]
    post(ops, f"replay-batches/{first}/stop/")

    def found(**query):
        return [each["id"] for each in get(ops, "replay-batches/", **query).json()["results"]]

    assert found() == [second, first]
    assert found(state="stopped") == [first]


def test_what_has_not_died_yet_was_seen_by_no_preview(ops, buried):
    buried()
    body = {"filters": {"code": "graph_refused"}, "until": "2999-01-01T00:00:00Z"} | WORDS

    assert problem(post(ops, "replay-batches/", body)) == (409, "until_ahead")
    assert not ReplayBatch.objects.exists()

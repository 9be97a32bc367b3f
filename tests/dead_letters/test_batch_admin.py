"""Replaying many in the admin: seen before it is done, once, and in the hands of who may."""

import re
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ids import uuid7
from dead_letters import batch_run, batches
from dead_letters.models import BatchState, DeadLetter, ReplayBatch
from dead_letters.subject import Outlook
from tests.admin.pages import found, inline_code, said, shown, words
from tests.dead_letters.test_dead_letter_admin import logged_in

pytestmark = pytest.mark.usefixtures("own_database")
LIST = "/admin/dead_letters/replaybatch/"
RIGHTS = ("view_replaybatch", "view_deadletter", "act_on_deadletter", "view_cause", "act_on_cause")


@pytest.fixture
def ops(client):
    return logged_in(client, *RIGHTS)


def new(letter):
    return f"{LIST}new/?cause={letter.cause_id}"


def hidden(page):
    """What the page keeps: the id of the batch, and up to when it looked."""
    return dict(re.findall(r'type="hidden" name="(batch|until)" value="([^"]+)"', page.content.decode()))


def asked(**more):
    return {"rate": 50, "stop_percent": 10, "name": "503 of today", "reason": "Meta is back"} | more


def begin(client, letter, **more):
    page = client.get(new(letter), secure=True)
    return client.post(new(letter), asked(**hidden(page)) | more, secure=True, follow=True)


def a_batch(letter):
    facts = {"name": "n", "reason": "r", "actor": "a", "rate": 1, "stop_percent": 1}
    return batches.freeze(uuid7(), {"cause": str(letter.cause_id)}, until=timezone.now(), **facts)


def run():
    for _ in range(2):
        ReplayBatch.objects.update(ran_at=timezone.now() - timedelta(seconds=10))
        batch_run.run()


def test_from_a_cause_to_what_a_replay_would_do_and_nothing_is_done_yet(ops, buried, graves):
    letters = [buried(account_label=label) for label in ("1", "1", "2")]
    graves.known[letters[2].subject_id] = Outlook(on_replay="Already answered.", is_settled=True)
    cause = ops.get(f"/admin/dead_letters/cause/{letters[0].cause_id}/change/", secure=True).content.decode()
    (link,) = re.findall(r'href="([^"]+replaybatch/new/[^"]+)"', cause)

    page = ops.get(link.replace("&amp;", "&"), secure=True)

    told = words(page)
    assert "Replay 2 dead letters" in told
    assert "1 is left out. Already answered." in told
    assert "1 2" in told  # of account 1
    assert (ReplayBatch.objects.count(), graves.replayed) == (0, [])
    assert inline_code(page.content.decode()) == []


def test_it_begins_and_its_page_says_how_far_it_is(ops, buried, graves):
    letters = [buried() for _ in range(3)]

    page = begin(ops, letters[0])

    assert said(page) == ["3 dead letters go back to work."]
    assert "0 of 3 have ended" in words(page)
    run()
    told = shown(ops, page.request["PATH_INFO"])
    assert "3 of 3 have ended" in told
    assert "3 processed" in told
    assert "Pause" not in told
    assert ReplayBatch.objects.get().chosen == {"cause": str(letters[0].cause_id)}


def test_what_failed_again_and_what_was_skipped_is_said(ops, buried, graves):
    letters = [buried() for _ in range(3)]
    graves.gone[letters[1].subject_id] = "its payload is gone"
    graves.busy = {letters[0].subject_id}
    page = begin(ops, letters[0], stop_percent=100)
    run()
    assert "1 at work" in shown(ops, page.request["PATH_INFO"])
    buried(subject_id=letters[0].subject_id)
    graves.busy = set()
    run()

    told = shown(ops, page.request["PATH_INFO"])

    assert "1 failed again" in told
    assert "1 skipped: its payload is gone" in told
    assert str(letters[1].pk) in told


def test_a_stopped_one_says_of_what_had_gone_what_came_of_it_and_its_page_follows_until_then(client, buried, graves):
    letter = buried()
    batch = a_batch(letter)
    graves.busy = {letter.subject_id}
    run()
    batches.change(batch.pk, BatchState.STOPPED, actor="anna")
    viewer, address = logged_in(client, "view_replaybatch"), f"{LIST}{batch.pk}/change/"
    assert b"data-live-s" in viewer.get(address, secure=True).content
    assert "1 at work" in shown(viewer, address)
    graves.busy = set()

    batch_run.run()

    assert "1 processed" in shown(viewer, address)
    assert b"data-live-s" not in viewer.get(address, secure=True).content


def test_a_stopped_one_offers_what_is_left_of_it(ops, buried, graves):
    letter, _ = buried(), buried()
    batch = a_batch(letter)
    batches.change(batch.pk, BatchState.STOPPED, actor="anna")

    page = ops.get(f"{LIST}{batch.pk}/change/", secure=True)

    assert "2 were not replayed" in words(page)
    assert "Replay 2 dead letters" in shown(ops, page.context["left_url"])
    assert "0 of 2" in shown(ops, LIST)


def test_a_replay_of_the_same_that_goes_on_is_told(ops, buried, error, graves):
    letter, other = buried(account_label="1"), buried(error=error(code="another"))
    a_batch(letter)

    assert "goes on already" in shown(ops, new(letter))
    assert "goes on already" in shown(ops, f"{LIST}new/?account=1")
    assert "goes on already" not in shown(ops, new(other))


def test_its_page_is_made_of_one_reading_of_its_row(ops, buried, graves):
    address = begin(ops, buried()).request["PATH_INFO"]

    with CaptureQueriesContext(connection) as asked_for:
        ops.get(address, secure=True)

    read = [query for query in asked_for if 'FROM "dead_letters_replaybatch"' in query["sql"]]
    assert len(read) == 1


def test_what_they_failed_of_again_is_told_by_cause(ops, buried, error, graves):
    letters = [buried() for _ in range(3)]
    graves.busy = {letter.subject_id for letter in letters}
    page = begin(ops, letters[0], stop_percent=100)
    run()
    for letter, summary in zip(letters, ("Else", "Else", letters[0].summary), strict=True):
        buried(subject_id=letter.subject_id, error=error(summary=summary))
    graves.busy = set()
    run()

    page = ops.get(page.request["PATH_INFO"], secure=True)

    told = [(cause.summary, count) for cause, count in page.context["failed"]]
    assert told == [("Else", 2), (letters[0].summary, 1)]


LETTERS = "/admin/dead_letters/deadletter/"


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        ({}, None),
        ({"status__exact": "open"}, None),
        ({"status__exact": "resolved", "account_label__exact": "1"}, None),
        ({"q": "graph_failed", "account_label__exact": "1"}, None),
        ({"created_at__gte": "2026-01-01 00:00:00+00:00", "account_label__exact": "1"}, None),
        ({"account_label__exact": "1"}, 2),
        ({"status__exact": "open", "provider": "instagram"}, 3),
        ({"account_label__exact": "1", "kind__exact": "message"}, 2),
    ],
)
def test_a_list_offers_to_replay_all_that_it_shows_where_a_replay_can_choose_just_that(ops, buried, asked, offered):
    for label in ("1", "1", "2"):
        buried(account_label=label)

    url = ops.get(LETTERS, asked, secure=True).context["replay_url"]

    assert bool(url) is bool(offered)
    if offered:
        assert f"Replay {offered} dead letters" in shown(ops, url)


def test_who_may_not_act_is_offered_no_replay_of_a_list(client, buried):
    buried(account_label="1")
    page = logged_in(client, "view_deadletter").get(LETTERS, {"account_label__exact": "1"}, secure=True)

    assert "replay_url" not in page.context


def test_of_several_causes_the_preview_tells_each_and_how_many_come_too_late(ops, buried, error, graves):
    letters = [buried(account_label="1", error=error(summary=summary)) for summary in ("One", "Two", "Two")]
    graves.known[letters[0].subject_id] = Outlook(is_late=True)

    page = ops.get(LETTERS, {"account_label__exact": "1"}, secure=True)
    told = shown(ops, page.context["replay_url"])

    assert "Two (100) 2 One (100) 1" in told
    assert "1 of them comes too late for an answer" in told


def test_a_double_click_makes_one_batch_and_shows_it(ops, buried, graves):
    letter = buried()
    kept = hidden(ops.get(new(letter), secure=True))

    first = ops.post(new(letter), asked(**kept), secure=True, follow=True)
    run()
    second = ops.post(new(letter), asked(**kept), secure=True, follow=True)

    assert ReplayBatch.objects.count() == 1
    assert second.request["PATH_INFO"] == first.request["PATH_INFO"]
    assert graves.replayed == [letter.subject_id]


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"reason": " "}, {"rate": 0}, {"rate": 101}, {"rate": "x"}, {"stop_percent": 101}, {"batch": "x"}],
)
def test_what_is_missing_or_wrong_is_asked_for_again(ops, buried, wrong):
    page = begin(ops, buried(), **wrong)

    assert "errorlist" in page.content.decode()
    assert ReplayBatch.objects.count() == 0


def test_over_a_thousand_the_number_is_typed(ops, buried, monkeypatch):
    monkeypatch.setattr(batches, "TYPED_ABOVE", 2)
    letters = [buried() for _ in range(3)]

    for typed in ("", "2"):
        begin(ops, letters[0], typed=typed)
        assert ReplayBatch.objects.count() == 0
    begin(ops, letters[0], typed="3")
    assert ReplayBatch.objects.get().total == 3


def test_what_dies_while_somebody_reads_the_page_is_not_replayed(ops, buried, graves):
    letter = buried()
    page = ops.get(new(letter), secure=True)
    buried()

    ops.post(new(letter), asked(**hidden(page)), secure=True)

    assert ReplayBatch.objects.get().total == 1


def test_what_a_worker_has_just_now_is_not_changed_and_said_so(ops, buried, own_database):
    begin(ops, buried())
    batch = ReplayBatch.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    with psycopg.connect(own_database) as worker:
        worker.execute("SELECT 1 FROM dead_letters_replaybatch FOR UPDATE")
        page = ops.post(f"{LIST}{batch.pk}/say/", {"act": "pause"}, secure=True, follow=True)

    assert said(page) == ["Nothing was changed: a worker has it just now. Try again."]


def test_an_empty_filter_is_refused(ops, buried):
    buried()

    page = ops.get(f"{LIST}new/", secure=True, follow=True)

    assert said(page)[0].startswith("Nothing was changed. Choose something")
    for wrong in ("cause=x", f"cause={uuid7()}&acount=1"):
        assert ops.get(f"{LIST}new/?{wrong}", secure=True).status_code == 404


def test_it_is_paused_resumed_slowed_down_and_stopped(ops, buried, graves):
    letter = buried()
    address = begin(ops, letter).request["PATH_INFO"]
    batch = ReplayBatch.objects.get()

    for act, state in (("pause", "paused"), ("resume", "running"), ("rate", "running"), ("stop", "stopped")):
        page = ops.post(f"{LIST}{batch.pk}/say/", {"act": act, "rate": 7}, secure=True, follow=True)
        batch.refresh_from_db()
        assert (said(page), batch.state) == (["It is done."], state)
    assert batch.rate == 7
    assert "Resume" not in shown(ops, address)
    assert DeadLetter.objects.get().status == "open"

    page = ops.post(f"{LIST}{batch.pk}/say/", {"act": "resume"}, secure=True, follow=True)
    assert said(page) == ["Nothing was changed: it has ended, or stands so already."]


@pytest.mark.parametrize("given", [{"act": "rate", "rate": 0}, {"act": "rate"}, {"act": "nonsense"}, {}])
def test_nonsense_changes_nothing(ops, buried, given):
    begin(ops, buried())
    batch = ReplayBatch.objects.get()

    page = ops.post(f"{LIST}{batch.pk}/say/", given, secure=True, follow=True)

    assert said(page)[0].startswith("Nothing was changed")
    assert ops.get(f"{LIST}{batch.pk}/say/", secure=True).status_code == 405


@pytest.mark.parametrize("lacks", ["view_replaybatch", "view_deadletter", "act_on_deadletter"])
def test_whoever_lacks_a_right_begins_and_changes_nothing(client, buried, lacks):
    letter = buried()
    batch = a_batch(letter)
    weak = logged_in(client, *(set(RIGHTS) - {lacks}))

    assert weak.get(new(letter), secure=True).status_code == 403
    assert weak.post(new(letter), asked(batch=str(uuid7())), secure=True).status_code == 403
    assert weak.post(f"{LIST}{batch.pk}/say/", {"act": "stop"}, secure=True).status_code == 403
    assert "Replay…" not in shown(weak, f"/admin/dead_letters/cause/{letter.cause_id}/change/")
    assert ReplayBatch.objects.get().state == "running"


def test_whoever_may_only_look_is_offered_nothing(client, buried):
    letter = buried()
    batch = a_batch(letter)
    reader = logged_in(client, "view_replaybatch")

    assert found(reader, LIST) == [batch.pk]
    assert "Pause" not in shown(reader, f"{LIST}{batch.pk}/change/")

"""Causes in the admin: what needs somebody, whom it hits, and what can be said of it."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.ids import uuid7
from dead_letters import causes, review
from dead_letters.models import Cause, CauseState, DeadLetter
from tests.admin.pages import found, inline_code, said, shown, words
from tests.dead_letters.test_dead_letter_admin import logged_in

pytestmark = pytest.mark.usefixtures("own_database")
LIST = "/admin/dead_letters/cause/"


@pytest.fixture
def ops(client):
    return logged_in(client, "view_cause", "view_deadletter", "act_on_cause")


@pytest.fixture
def reader(client):
    return logged_in(client, "view_cause", "view_deadletter")


def page_of(cause_id):
    return f"{LIST}{cause_id}/change/"


def test_many_letters_of_two_causes_are_two_rows_the_newest_death_first(ops, buried, error):
    first = buried(error=error(code="unreadable", summary="The update could not be read."))
    for _ in range(3):
        second = buried(account_label="2")
    causes.keep()

    assert found(ops, LIST) == [second.cause_id, first.cause_id]
    told = shown(ops, LIST)
    assert "The update could not be read." in told
    assert "graph_refused (100)" in told
    assert "3 died of it in the last 24 hours" in told


def test_what_somebody_dealt_with_leaves_the_list_and_is_found_by_its_state(ops, buried, error):
    states = [CauseState.OPEN, CauseState.ACKNOWLEDGED, CauseState.RESOLVED, CauseState.IGNORED]
    by_state = {state: buried(error=error(code=f"code_{state}")).cause_id for state in states}
    until = timezone.now() + timedelta(hours=1)
    for state in states[1:]:
        causes.say(by_state[state], state, actor="a", reason="r", until=until if state == "ignored" else None)

    assert set(found(ops, LIST)) == {by_state["open"], by_state["acknowledged"]}
    assert found(ops, LIST, state="resolved") == [by_state["resolved"]]
    assert found(ops, LIST, state="ignored") == [by_state["ignored"]]
    assert len(found(ops, LIST, state="all")) == 4
    assert found(ops, LIST, q="code_open") == [by_state["open"]]
    assert found(ops, LIST, q=str(uuid7())) == []


def test_a_cause_whose_letters_are_all_closed_needs_nobody(ops, buried):
    letter = buried()
    review.discard([letter.pk], reason="r", actor="a")

    assert found(ops, LIST) == []
    assert found(ops, LIST, state="open") == [letter.cause_id]


def test_a_page_of_causes_takes_as_many_queries_as_one_cause(ops, buried, error):
    buried()
    with CaptureQueriesContext(
        connection,
    ) as one:
        found(ops, LIST)
    for n in range(20):
        buried(error=error(code=f"code_{n}"))
    with CaptureQueriesContext(connection) as many:
        found(ops, LIST)

    assert len(many) == len(one)


def test_the_page_of_a_cause_leads_to_its_letters_and_says_whom_it_hit(ops, buried):
    letter, other = buried(account_label="17841400000000007"), buried()
    causes.keep()

    page = ops.get(page_of(letter.cause_id), secure=True)
    told = words(page)
    links = re.findall(r'href="([^"]+)"', page.content.decode().replace("&amp;", "&"))

    assert "17841400000000007 1" in told
    assert f"/admin/dead_letters/deadletter/{letter.pk}/change/" in links
    (all_of_it,) = [link for link in links if link.endswith(f"?cause__exact={letter.cause_id}")]
    assert set(found(ops, all_of_it)) == {letter.pk, other.pk}
    assert inline_code(page.content.decode()) == []


@pytest.mark.parametrize(
    ("act", "more", "state"),
    [
        ("acknowledged", {}, "acknowledged"),
        ("resolved", {}, "resolved"),
        ("ignored", {"hours": "24"}, "ignored"),
    ],
)
def test_an_act_asks_why_and_is_done_once(ops, buried, act, more, state):
    cause_id = buried().cause_id
    asked = ops.get(f"{LIST}act/{act}/", {"id": str(cause_id)}, secure=True)
    assert asked.status_code == 200
    assert Cause.objects.get().state == "open"

    done = ops.post(f"{LIST}act/{act}/?id={cause_id}", {"reason": "we know"} | more, secure=True, follow=True)
    assert said(done) == [f"It is {state} now."]
    assert Cause.objects.get().state == state

    again = ops.post(f"{LIST}act/{act}/?id={cause_id}", {"reason": "we know"} | more, secure=True, follow=True)
    assert said(again) == ["Nothing was changed: somebody was faster. Look how it stands."]


def test_without_a_reason_nothing_is_said(ops, buried):
    cause_id = buried().cause_id

    page = ops.post(f"{LIST}act/resolved/?id={cause_id}", {"reason": " "}, secure=True)

    assert "This field is required" in words(page)
    assert Cause.objects.get().state == "open"


def test_a_note_stands_on_the_page(ops, buried):
    cause_id = buried().cause_id

    page = ops.post(f"{LIST}act/note/?id={cause_id}", {"reason": "Ask <Ben>."}, secure=True, follow=True)

    assert "Ask &lt;Ben&gt;." in words(page)


def test_whoever_may_only_look_is_offered_nothing_and_refused(reader, buried):
    cause_id = buried().cause_id

    assert "Acknowledge…" not in shown(reader, page_of(cause_id))
    for act in (*CauseState.values, "note"):
        assert reader.post(f"{LIST}act/{act}/?id={cause_id}", {"reason": "r"}, secure=True).status_code == 403
    assert Cause.objects.get().state == "open"


def test_whoever_may_not_see_letters_is_shown_none_of_a_cause(client, buried):
    letter = buried()

    page = logged_in(client, "view_cause").get(page_of(letter.cause_id), secure=True).content.decode()

    assert "deadletter" not in page
    assert "auditentry" not in page


def test_the_right_to_act_alone_shows_and_does_nothing(client, buried):
    cause_id = buried().cause_id
    blind = logged_in(client, "act_on_cause")

    assert blind.get(f"{LIST}act/resolved/", {"id": str(cause_id)}, secure=True).status_code == 403
    assert blind.post(f"{LIST}act/resolved/?id={cause_id}", {"reason": "r"}, secure=True).status_code == 403
    assert Cause.objects.get().state == "open"


def test_resolving_says_how_many_letters_stay_open(ops, buried):
    cause_id, *_ = (buried().cause_id for _ in range(3))

    told = words(ops.get(f"{LIST}act/resolved/", {"id": str(cause_id)}, secure=True))

    assert "3 dead letters of it stay open: replay or discard what is left to do." in told
    assert "stay open" not in words(ops.get(f"{LIST}act/acknowledged/", {"id": str(cause_id)}, secure=True))


def test_what_died_just_now_is_not_said_to_be_nothing(ops, buried):
    assert "It is counted within a minute or two." in shown(ops, page_of(buried().cause_id))


def test_whoever_may_not_look_sees_nothing(client, buried):
    cause_id = buried().cause_id
    nobody = logged_in(client)

    for address in (LIST, page_of(cause_id)):
        assert nobody.get(address, secure=True).status_code == 403


def test_an_act_on_no_cause_is_not_found(ops, buried):
    buried()

    for wrong in ("", "x", str(uuid7())):
        assert ops.get(f"{LIST}act/resolved/", {"id": wrong}, secure=True).status_code == 404


def test_a_cause_without_letters_says_so(ops, buried):
    cause_id = buried().cause_id
    DeadLetter.objects.all().delete()

    told = shown(ops, page_of(cause_id))

    assert "Nothing died of it in the last 24 hours." in told
    assert "There is none any more." in told

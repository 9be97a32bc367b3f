"""Dead letters in the admin."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.urls import path

from audit.ids import uuid7
from dead_letters import review

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [path("admin/", admin.site.urls)]
LIST = "/admin/dead_letters/deadletter/"


def logged_in(client, *permissions):
    user = User.objects.create_user("anna", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


@pytest.fixture
def ops(client):
    return logged_in(client, "view_deadletter", "act_on_deadletter")


@pytest.fixture
def reader(client):
    return logged_in(client, "view_deadletter")


def found(client, **query):
    page = client.get(LIST, query, secure=True)
    assert page.status_code == 200
    return {letter.pk for letter in page.context["cl"].result_list}


def choose(client, act, letters, **more):
    data = {"action": f"{act}_chosen", "_selected_action": [str(letter.pk) for letter in letters]} | more
    return client.post(LIST, data, secure=True)


def do(client, act, letters, reason="token renewed"):
    data = {"id": [str(letter.pk) for letter in letters], "reason": reason}
    return client.post(f"{LIST}act/{act}/", data, secure=True, follow=True)


def said(page):
    return [str(message) for message in page.context["messages"]]


def status_of(letter):
    letter.refresh_from_db()
    return letter.status


def test_a_letter_is_found_by_each_of_its_ids_and_by_code(ops, buried, error):
    letter = buried(correlation_id="req.1", error=error(code="unreadable"))
    sibling = buried(correlation_id="req.2")
    buried(correlation_id="req2.1")

    assert found(ops, q=str(letter.pk)) == {letter.pk}
    assert found(ops, q=str(letter.subject_id)) == {letter.pk}
    assert found(ops, q="req.1") == {letter.pk}
    assert found(ops, q="req") == {letter.pk, sibling.pk}
    assert found(ops, q="unreadable") == {letter.pk}
    assert found(ops, q=str(uuid7())) == set()
    assert found(ops, q="words of a customer") == set()


def test_the_list_is_filtered_by_status_provider_code_and_day(ops, buried, error):
    letter = buried(provider="whatsapp", error=error(code="unreadable"))
    other = buried()
    review.discard([other.pk], reason="r", actor="anna")

    assert found(ops, status__exact="open") == {letter.pk}
    assert found(ops, provider="whatsapp") == {letter.pk}
    assert found(ops, code__exact="unreadable") == {letter.pk}
    assert found(ops, created_at__gte="2100-01-01 00:00:00+00:00") == set()


@pytest.mark.parametrize("act", ["replay", "resolve", "discard"])
def test_choosing_an_act_asks_for_a_reason_and_changes_nothing_yet(ops, buried, act):
    letters = [buried(), buried()]

    page = choose(ops, act, letters)

    assert page.status_code == 200
    assert f"{act.capitalize()} 2 dead letters" in page.content.decode()
    assert [status_of(letter) for letter in letters] == ["open", "open"]


@pytest.mark.parametrize(
    ("act", "of_one", "of_two"),
    [
        ("replay", "Its event goes back to work now.", "Their events go back to work now."),
        ("resolve", "Its event stays dead.", "Their events stay dead."),
        ("discard", "It is closed because nothing will be done.", "They are closed because nothing will be done."),
    ],
)
def test_what_an_act_means_is_said_of_one_letter_or_of_several(ops, buried, act, of_one, of_two):
    letters = [buried(), buried()]

    assert of_one in choose(ops, act, letters[:1]).content.decode()
    assert of_two in choose(ops, act, letters).content.decode()


def test_letters_to_act_on_are_told_apart_by_graph_code_provider_and_account(ops, buried, error):
    letter = buried(provider="whatsapp", account_label="15550001", error=error(upstream_subcode=33))
    odd = buried(account_label="", error=error(code="bug", upstream_code=None))

    page = choose(ops, "replay", [letter, odd]).content.decode()

    assert f"(graph_refused (100/33), whatsapp account 15550001, event {letter.subject_id})" in page
    assert f"(bug, instagram account unknown, event {odd.subject_id})" in page


def test_the_asked_page_posts_what_was_chosen(ops, buried, graves):
    letters = [buried(), buried()]
    asked = choose(ops, "replay", letters).content.decode()
    ids = re.findall(r'name="id" value="([^"]+)"', asked)

    page = ops.post(f"{LIST}act/replay/", {"id": ids, "reason": "token renewed"}, secure=True, follow=True)

    assert said(page) == ["2 replayed."]
    assert set(graves.replayed) == {letter.subject_id for letter in letters}
    letters[0].refresh_from_db()
    assert (letters[0].status, letters[0].closed_by) == ("replayed", "anna")


def test_the_result_counts_what_was_skipped_and_says_why(ops, buried, graves):
    good, closed, gone = buried(), buried(), buried()
    review.discard([closed.pk], reason="r", actor="anna")
    graves.gone[gone.subject_id] = "its payload is gone"

    page = do(ops, "replay", [good, closed, gone])

    (message,) = said(page)
    assert message.startswith("1 replayed, ")
    assert "1 skipped: already discarded" in message
    assert "1 skipped: its payload is gone" in message


def test_a_second_click_does_nothing_more(ops, buried, graves):
    letter = buried()
    do(ops, "replay", [letter])

    page = do(ops, "replay", [letter])

    assert said(page) == ["0 replayed, 1 skipped: already replayed."]
    assert graves.replayed == [letter.subject_id]


@pytest.mark.parametrize("reason", ["", "   ", "r" * 501])
def test_without_a_reason_the_page_asks_again(ops, buried, reason):
    letter = buried()

    page = do(ops, "discard", [letter], reason=reason)

    assert page.status_code == 200
    assert page.context["form"].errors
    assert status_of(letter) == "open"


def test_looking_at_the_page_acts_on_nothing(ops, buried):
    letter = buried()

    page = ops.get(f"{LIST}act/discard/", {"id": str(letter.pk), "reason": "by a link"}, secure=True)

    assert page.status_code == 200
    assert status_of(letter) == "open"


def test_one_letter_has_a_button_for_each_act_that_fits_its_status(ops, buried):
    letter = buried()

    opened = ops.get(f"{LIST}{letter.pk}/change/", secure=True).content.decode()
    do(ops, "discard", [letter])
    closed = ops.get(f"{LIST}{letter.pk}/change/", secure=True).content.decode()

    assert re.findall(r"/act/(\w+)/\?id=", opened) == ["replay", "resolve", "discard"]
    assert re.findall(r"/act/(\w+)/\?id=", closed) == ["reopen"]
    assert 'name="_save"' not in opened


def test_a_letter_is_reopened_from_its_page(ops, buried):
    letter = buried()
    do(ops, "discard", [letter])

    assert said(do(ops, "reopen", [letter])) == ["1 reopened."]
    assert status_of(letter) == "open"


def test_who_may_only_look_sees_no_act_and_can_do_none(reader, buried):
    letter = buried()

    assert b"/act/" not in reader.get(f"{LIST}{letter.pk}/change/", secure=True).content
    assert b"replay_chosen" not in reader.get(LIST, secure=True).content
    choose(reader, "replay", [letter])
    assert do(reader, "replay", [letter]).status_code == 403
    assert status_of(letter) == "open"


def test_all_at_once_is_refused_beyond_500(ops, buried, monkeypatch):
    monkeypatch.setattr("dead_letters.admin.AT_ONCE", 1)
    letters = [buried(), buried()]

    page = ops.post(
        LIST,
        {"action": "discard_chosen", "_selected_action": [str(letters[0].pk)], "select_across": "1"},
        secure=True,
        follow=True,
    )

    assert said(page) == ["Nothing was changed: choose at most 1 at once."]


@pytest.mark.parametrize("ids", [[], ["no-id"]])
def test_an_act_on_nothing_known_is_not_found(ops, ids):
    assert ops.post(f"{LIST}act/replay/", {"id": ids, "reason": "r"}, secure=True).status_code == 404


def test_no_page_of_ours_needs_a_script_or_style_of_its_own(ops, buried):
    page = choose(ops, "replay", [buried()]).content.decode()
    form = page[page.index('<form method="post" action="/admin/dead_letters') :]

    assert "<script" not in form[: form.index("</form>")]
    assert not re.search(r"\s(style|on\w+)=", form[: form.index("</form>")])


def test_no_filter_counts_its_rows(ops, buried):
    buried()

    assert b"_facets" not in ops.get(LIST, secure=True).content

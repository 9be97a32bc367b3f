"""What every list has: what narrows it, each with a way out, and why it is empty."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.ids import uuid7
from instagram_webhooks.models import WebhookEvent
from tests.admin.pages import CONVERSATIONS, EVENTS, found, said, shown, words
from tests.admin.test_event_admin import buried
from tests.builders import ACCOUNT, a_message, stored

pytestmark = pytest.mark.usefixtures("own_database")


def chips(client, address, **query):
    page = client.get(address, query, secure=True)
    assert page.status_code == 200, page
    return page.context["cl"].chips


def test_each_thing_that_narrows_a_list_is_named_and_taken_away_alone(admin_client):
    (event,) = stored(a_message("m-1"))
    asked = {"q": "m-1", "state": "received", "account__exact": ACCOUNT}

    given = chips(admin_client, EVENTS, **asked)

    assert [(chip.name, chip.value) for chip in given] == [
        ("search", "m-1"),
        ("state", "● received"),
        ("account", ACCOUNT),
    ]
    for chip, name in zip(given, asked, strict=True):
        left = admin_client.get(EVENTS + chip.without, secure=True)
        assert set(left.wsgi_request.GET) == set(asked) - {name}
        assert [row.pk for row in left.context["cl"].result_list] == [event.pk]


def test_a_list_that_nothing_narrows_has_no_chips(admin_client):
    assert chips(admin_client, EVENTS) == []
    assert chips(admin_client, EVENTS, p="1") == []


@pytest.mark.parametrize(
    ("page", "parameter"),
    [
        ("dead_letters/deadletter", "code"),
        ("dead_letters/cause", "code"),
        ("audit/auditentry", "action__exact"),
        ("instagram_webhooks/webhookevent", "account__exact"),
        ("instagram_webhooks/account", "label__exact"),
        ("auth/user", "username"),
        ("auth/group", "name"),
        ("knox/authtoken", "token_key"),
        ("django_celery_results/taskresult", "task_name"),
    ],
)
def test_a_nul_in_a_filter_finds_nothing(admin_client, page, parameter):
    buried(stored(a_message("m-1"))[0])

    assert found(admin_client, f"/admin/{page}/", **{parameter: "\0"}) == []


def test_an_empty_list_says_why_and_one_without_a_match_says_that(admin_client):
    assert "No webhook has come yet" in shown(admin_client, EVENTS)
    stored(a_message("m-1"))

    page = shown(admin_client, EVENTS, state="dead")

    assert "Nothing here matches all of that" in page
    assert "No webhook has come yet" not in page
    assert "Nothing here matches" not in shown(admin_client, EVENTS)


@pytest.mark.parametrize(
    "page",
    ["dead_letters/cause", "dead_letters/deadletter", "dead_letters/replaybatch", "audit/auditentry", "knox/authtoken",
     "instagram_webhooks/conversation", "instagram_webhooks/account", "django_celery_results/taskresult"],
)  # fmt: skip
def test_every_list_opens_while_it_is_empty(admin_client, page):
    assert found(admin_client, f"/admin/{page}/", q="no-such-thing") == []
    assert "Nothing here matches" in shown(admin_client, f"/admin/{page}/", q="no-such-thing")


def test_a_list_without_a_search_box_leaves_a_search_aside(admin_client):
    assert "No conversation is blocked" in shown(admin_client, "/admin/instagram_webhooks/blockedconversation/")
    assert found(admin_client, "/admin/instagram_webhooks/blockedconversation/", q="no-such-thing") == []


@pytest.mark.parametrize("mark", ["\u202e", "\ufeff", "\u200f" * 200])
def test_a_page_with_unseen_marks_is_whole(admin_client, mark):
    """Each is written out in more bytes than it came in."""
    page = admin_client.get(CONVERSATIONS, {"q": mark}, secure=True)

    assert int(page["Content-Length"]) == len(page.content)
    assert page.content.rstrip().endswith(b"</html>")
    assert mark not in page.content.decode()


def test_where_none_of_the_newest_match_the_list_says_that_and_leads_further(admin_client, monkeypatch):
    monkeypatch.setattr("audit.pages.rows.LOOKED_THROUGH", 2)
    for n in range(3):
        (event,) = stored(a_message(f"m-{n}"), correlation_id=f"request-{n}")
        WebhookEvent.objects.filter(pk=event.pk).update(received_at=timezone.now() - timedelta(minutes=n))
    oldest = WebhookEvent.objects.order_by("received_at").first()
    WebhookEvent.objects.filter(pk=oldest.pk).update(kind="reaction")

    page = admin_client.get(EVENTS, {"kind": "reaction"}, secure=True)

    told = words(page)
    assert "Nothing matches among" in told
    assert "Nothing here matches" not in told
    further = admin_client.get(EVENTS + page.context["cl"].further_query, secure=True)
    assert [row.pk for row in further.context["cl"].result_list] == [oldest.pk]


@pytest.fixture
def three_pages(monkeypatch):
    """Of events, two on each, oldest first."""
    monkeypatch.setattr("audit.pages.lists.ReadOnlyAdmin.list_per_page", 2)
    for n in range(6):
        (event,) = stored(a_message(f"m-{n}"), correlation_id=f"request-{n}")
        WebhookEvent.objects.filter(pk=event.pk).update(received_at=timezone.now() - timedelta(minutes=9 - n // 2))
    return list(WebhookEvent.objects.order_by("received_at", "event_id").values_list("pk", flat=True))


def shows(client, query, wanted):
    """The list of such a page, which shows these."""
    page = client.get(EVENTS + query, secure=True)
    assert page.status_code == 200, page
    assert [row.pk for row in page.context["cl"].result_list] == wanted
    return page.context["cl"]


def test_a_list_leads_to_older_and_newer_pages_that_stay_as_they_were(admin_client, three_pages):
    a, b, c, d, e, f = three_pages
    first = shows(admin_client, "?provider=instagram", [f, e])
    assert not first.newer_query
    stored(a_message("m-new"), correlation_id="request-new")

    second = shows(admin_client, first.older_query, [d, c])
    last = shows(admin_client, second.older_query, [b, a])
    assert not last.older_query
    assert [chip.name for chip in last.chips] == ["provider", "received at up to"]
    assert last.newest_query == "?provider=instagram"
    shows(admin_client, last.newer_query, [d, c])
    newest = WebhookEvent.objects.latest("received_at").pk
    shows(admin_client, second.newer_query, [f, e])
    shows(admin_client, last.newest_query, [newest, f])


def test_what_is_looked_through_stays_the_same_beside_whatever_comes(admin_client, three_pages, monkeypatch):
    monkeypatch.setattr("audit.pages.rows.LOOKED_THROUGH", 6)
    a, b, c, d, e, f = three_pages
    first = shows(admin_client, "?kind=message", [f, e])
    stored(*[a_message(f"m-new-{n}") for n in range(6)], correlation_id="request-new")

    second = shows(admin_client, first.older_query, [d, c])
    shows(admin_client, second.older_query, [b, a])
    shows(admin_client, second.newer_query, [f, e])
    newest = WebhookEvent.objects.order_by("-received_at", "-event_id").values_list("pk", flat=True)
    shows(admin_client, second.newest_query, list(newest[:2]))
    assert "received at up to" in [chip.name for chip in second.chips]


def test_a_list_by_key_has_one_order(admin_client, three_pages):
    WebhookEvent.objects.filter(pk=three_pages[0]).update(attempts=9)

    shows(admin_client, "?o=-4", three_pages[:3:-1])


def test_an_act_on_a_page_further_back_is_on_what_was_chosen_there(admin_client, monkeypatch):
    monkeypatch.setattr("audit.pages.lists.ReadOnlyAdmin.list_per_page", 1)
    monkeypatch.setattr("audit.pages.rows.LOOKED_THROUGH", 2)
    letters = "/admin/dead_letters/deadletter/"
    for n in range(2):
        buried(stored(a_message(f"m-{n}"), correlation_id=f"request-{n}")[0])
    first = admin_client.get(letters, {"provider": "instagram"}, secure=True).context["cl"]
    second = admin_client.get(letters + first.older_query, secure=True).context["cl"]
    (chosen,) = second.result_list
    for n in range(2, 5):
        buried(stored(a_message(f"m-{n}"), correlation_id=f"request-{n}")[0])
    act = {"action": "replay_chosen", "_selected_action": str(chosen.pk), "index": "0"}

    for address in (first.older_query, "?provider=instagram"):
        asks = admin_client.post(letters + address, act, secure=True)
        assert [letter.pk for letter, *_ in asks.context["letters"]] == [chosen.pk]

    act["_selected_action"] = str(uuid7())
    none = admin_client.post(letters + first.older_query, act, secure=True, follow=True)
    assert said(none) == ["Nothing was changed: what you chose is not in this list any more."]


def test_a_page_beside_which_nothing_is_left_is_the_newest(admin_client, three_pages):
    a, b, c, d, e, f = three_pages
    first = shows(admin_client, "", [f, e])
    second = shows(admin_client, first.older_query, [d, c])
    WebhookEvent.objects.filter(pk__in=[a, b, c, f]).delete()

    shows(admin_client, second.newer_query, [e, d])
    shows(admin_client, second.older_query, [e, d])


def test_a_link_that_leads_nowhere_says_so_and_shows_the_newest(admin_client, three_pages):
    page = admin_client.get(EVENTS, {"cursor": "nowhere"}, secure=True)

    assert [row.pk for row in page.context["cl"].result_list] == three_pages[:3:-1]
    assert said(page) == ["This link leads to no place of the list: these are the newest."]


def test_a_look_further_back_keeps_what_else_narrows_the_list(admin_client, three_pages, monkeypatch):
    monkeypatch.setattr("audit.pages.rows.LOOKED_THROUGH", 2)

    first = shows(admin_client, "?provider=instagram", three_pages[:3:-1])
    shows(admin_client, first.further_query, three_pages[3:1:-1])
    assert "provider=instagram" in first.further_query


def test_what_is_typed_stays_text_in_its_chip(admin_client):
    html = admin_client.get(CONVERSATIONS, {"q": '"><script>alert(1)</script>'}, secure=True).content.decode()

    assert "<script>alert" not in html

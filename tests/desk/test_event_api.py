"""Events over REST."""

import uuid

import pytest
from django.contrib.auth.models import User
from knox.models import AuthToken
from rest_framework.test import APIClient

from audit.ids import uuid7
from audit.pages.keyset import Cursor
from dead_letters.models import DeadLetter
from instagram_webhooks.desk.event import shown
from instagram_webhooks.models import WebhookEvent
from tests.desk.builders import an_event, at

pytestmark = pytest.mark.django_db
EVENTS = "/api/v1/events/"


@pytest.fixture
def reader():
    _, token = AuthToken.objects.create(User.objects.create_user("reader"))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def get(client, url, **query):
    return client.get(url, query, secure=True)


def many(count, **telling):
    """Events of one POST: they share one time of arrival."""
    model = an_event(**telling)
    facts = {field.attname: getattr(model, field.attname) for field in WebhookEvent._meta.fields}
    model.delete()
    rows = [WebhookEvent(**facts | {"event_id": uuid7(), "key": uuid7(), "place": n + 1}) for n in range(count)]
    return [str(row.pk) for row in WebhookEvent.objects.bulk_create(rows)]


def walked(client, url, way="next", **query):
    page, rows = get(client, url, **query).json(), []
    while True:
        rows.append([row["event_id"] for row in page["results"]])
        if not page[way]:
            return rows
        page = client.get(page[way], secure=True).json()


def test_nobody_reads_without_a_token(reader):
    for client in (APIClient(), APIClient(HTTP_AUTHORIZATION="Token " + "0" * 64)):
        answer = get(client, EVENTS)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_user_without_any_right_may_read(reader):
    event = an_event()

    answer = get(reader, EVENTS)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"next": None, "previous": None, "results": shown([event])}


def test_one_event_is_shown_with_its_timeline(reader):
    event = an_event()

    assert get(reader, f"{EVENTS}{event.pk}/").json() == shown([event], timeline=True)[0]


def test_an_unknown_event_is_a_problem(reader):
    answer = get(reader, f"{EVENTS}{uuid.uuid4()}/")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_thousand_events_of_one_time_are_each_on_one_page(reader):
    ids = many(1000)

    pages = walked(reader, EVENTS, limit=7)

    assert [event_id for page in pages for event_id in page] == sorted(ids, reverse=True)
    assert {len(page) for page in pages[:-1]} == {7}


def test_the_way_back_shows_the_same_pages(reader):
    many(20)
    many(3, received_at=at(1))
    forth = walked(reader, EVENTS, limit=5)
    last = get(reader, EVENTS, limit=5).json()
    while last["next"]:
        last = reader.get(last["next"], secure=True).json()

    back = walked(reader, last["previous"], way="previous")

    assert [event_id for page in reversed(back) for event_id in page] == [i for page in forth[:-1] for i in page]


def test_the_first_page_has_nothing_before_it_and_the_last_nothing_after(reader):
    many(3)

    first = get(reader, EVENTS, limit=2).json()
    last = reader.get(first["next"], secure=True).json()

    assert (first["previous"], last["next"]) == (None, None)
    assert reader.get(last["previous"], secure=True).json() == first


def test_a_page_stays_the_same_while_new_events_arrive(reader):
    many(4)
    link = get(reader, EVENTS, limit=2).json()["next"]
    before = reader.get(link, secure=True).json()["results"]

    many(5, received_at=at(9))

    assert reader.get(link, secure=True).json()["results"] == before


def test_links_keep_the_filters(reader):
    many(4, kind="read")
    an_event(kind="message")

    assert sum(map(len, walked(reader, EVENTS, limit=2, kind="read"))) == 4


def test_a_page_holds_at_most_a_hundred_events(reader):
    many(120)

    assert len(get(reader, EVENTS, limit=1000).json()["results"]) == 100


@pytest.mark.parametrize(
    "query",
    [
        {"state": "dead"},
        {"provider": "whatsapp"},
        {"kind": "comment"},
        {"account": "404"},
        {"since": "2026-03-01T10:00:00Z"},
        {"until": "2026-03-01T08:00:00Z", "state": "processed"},
        {"code": "graph_refused"},
    ],
)
def test_each_filter_shows_only_what_it_names(reader, query):
    an_event()
    facts = {
        "state": query.get("state", "received"),
        "provider": query.get("provider", "instagram"),
        "kind": query.get("kind", "message"),
        "account": query.get("account", "1"),
        "received_at": at(2 * 3600 if "since" in query else -2 * 3600 if "until" in query else 0),
    }
    wanted = an_event(**facts)
    if code := query.get("code"):
        DeadLetter.objects.create(subject_id=wanted.pk, code=code, attempts=1, subject_kind="x", cause_id=uuid7())

    shown_ids = [row["event_id"] for row in get(reader, EVENTS, **query).json()["results"]]

    assert shown_ids == [str(wanted.pk)]


def test_several_filters_hold_together(reader):
    an_event(kind="read")
    an_event(state="processed")
    wanted = an_event(kind="read", state="processed")

    rows = get(reader, EVENTS, kind="read", state="processed").json()["results"]

    assert [row["event_id"] for row in rows] == [str(wanted.pk)]


@pytest.mark.parametrize(
    "query",
    [
        {"state": "done"},
        {"provider": "myspace"},
        {"since": "yesterday"},
        {"until": "2026-02-31"},
        {"kind": "a\0b"},
        {"code": "a\0b"},
        {"limit": "0"},
        {"limit": "many"},
        {"limit": "9" * 30},
        {"cursor": "x"},
        {"cursor": "bm90aGluZw=="},
        {"cursor": "é"},
        {"cursor": Cursor((at(0).replace(tzinfo=None), uuid.uuid4())).written()},
    ],
)
def test_a_value_that_makes_no_sense_is_refused(reader, query):
    an_event()

    answer = get(reader, EVENTS, **query)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "bad_filter"


def test_nothing_is_written_through_this_list(reader):
    assert reader.post(EVENTS, {}, format="json", secure=True).status_code == 405


def test_a_page_costs_the_same_number_of_queries_whatever_it_holds(reader, django_assert_max_num_queries):
    lane = uuid7()
    many(60, lane=lane)

    with django_assert_max_num_queries(10):  # three of them put a time limit around the page
        get(reader, EVENTS)

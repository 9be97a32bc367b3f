"""How often one may ask the API."""

import socket
import time

import pytest
from rest_framework.test import APIClient

from audit.rest import throttle
from tests.rest.asking import asking, get, problem
from webhooks_project.connections import cache

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(settings):
    settings.API_RATE, settings.API_RATE_UNKNOWN = (3, 86400), (2, 86400)
    throttle.cache.clear()


def test_beyond_the_rate_one_is_told_how_long_to_wait():
    anna = asking()
    statuses = [get(anna, "events/").status_code for _ in range(3)]

    answer = get(anna, "events/")

    assert statuses == [200] * 3
    assert problem(answer) == (429, "throttled")
    assert 1 <= int(answer.headers["Retry-After"]) <= 86400


def test_the_rate_of_one_user_is_not_that_of_another():
    anna = asking()
    for _ in range(4):
        get(anna, "events/")

    assert get(asking(name="ben"), "events/").status_code == 200


def test_all_tokens_of_a_user_count_together_and_so_do_all_addresses_of_the_api():
    anna, also_anna = asking(), asking()
    statuses = [get(client, path).status_code for client in (anna, also_anna) for path in ("events/", "dead-letters/")]

    assert statuses == [200, 200, 200, 429]


def test_whoever_guesses_tokens_is_slowed_down_and_whoever_has_one_is_not():
    wrong = APIClient(HTTP_AUTHORIZATION="Token " + "0" * 64)
    statuses = [get(client, "events/").status_code for client in (wrong, APIClient(), wrong, APIClient())]

    assert statuses == [401, 401, 429, 429]
    assert get(asking(), "events/").status_code == 200


def test_the_description_counts_too():
    assert [get(APIClient(), "schema/").status_code for _ in range(3)] == [200, 200, 429]


def test_a_new_span_begins_anew(time_machine):
    time_machine.move_to("2026-03-01T23:59:58Z", tick=False)
    anna = asking()
    for _ in range(4):
        last = get(anna, "events/")
    time_machine.move_to("2026-03-02T00:00:00Z", tick=False)

    assert (last.status_code, last.headers["Retry-After"]) == (429, "2")
    assert get(anna, "events/").status_code == 200


@pytest.fixture(params=["refuses", "is silent"])
def away(request, settings):
    """Redis where nobody listens, or where somebody takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1] if request.param == "is silent" else 1
        settings.CACHES = {"default": cache(f"redis://127.0.0.1:{port}/0")}
        yield
    throttle.counter = throttle.Counter()


def test_with_redis_away_everybody_is_let_through_and_waits_but_once(away):
    anna, began = asking(), time.monotonic()

    statuses = [get(anna, "events/").status_code for _ in range(10)]

    assert statuses == [200] * 10
    assert time.monotonic() - began < 4  # not half a second each, and more for each try


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("redis://r/0", "RedisCache"),
        ("rediss://r/0", "RedisCache"),
        ("redis+socket:///run/redis", "LocMemCache"),
        ("sentinel://a;sentinel://b", "LocMemCache"),
        ("redis://a;redis://b", "LocMemCache"),
    ],
)
def test_where_django_cannot_speak_to_such_a_redis_each_process_counts_for_itself(url, backend):
    assert cache(url)["BACKEND"].endswith(f".{backend}")

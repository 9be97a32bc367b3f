"""A web process counts refused signatures at next to no cost, and rings the alarm where no worker lives."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from instagram_webhooks.door.lookout import MINUTES_HELD, Lookout, lookout
from instagram_webhooks.errors import SignatureMismatch
from instagram_webhooks.inbox import refusals
from instagram_webhooks.models import Incident, Refusals, Turn, WebhookEvent, Worker
from simulator.meta_wire import headers
from tests.builders import a_body, a_message
from tests.desk.builders import an_event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted():
    lookout._counts.clear()
    yield
    lookout._counts.clear()


def forged(client):
    body = a_body(a_message())
    signature = headers(body, "wrong")["X-Hub-Signature-256"]
    return client.post("/webhooks/instagram", body, "application/json", HTTP_X_HUB_SIGNATURE_256=signature)


def test_a_thousand_forgeries_cost_no_statement_each_and_one_row(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        for _ in range(20):
            assert forged(client).status_code == 403
    with django_assert_num_queries(1):
        lookout.flush()

    assert not WebhookEvent.objects.exists()
    assert sum(Refusals.objects.values_list("count", flat=True)) == 20
    assert sum(Refusals.objects.values_list("unmatched", flat=True)) == 20


def test_one_without_a_signature_is_counted_and_is_of_no_wrong_secret(client):
    client.post("/webhooks/instagram", b"{}", content_type="application/json")
    client.post("/webhooks/nobody", b"{}", content_type="application/json")
    lookout.flush()

    row = Refusals.objects.get()
    assert (row.provider, row.count, row.unmatched) == ("instagram", 1, 0)


def test_a_second_process_adds_to_the_same_minute():
    at = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
    refusals.add({(at, "instagram"): (2, 1)})
    refusals.add({(at, "instagram"): (3, 0), (at, "facebook"): (1, 0)})

    assert {(row.provider, row.count, row.unmatched) for row in Refusals.objects.all()} == {
        ("instagram", 5, 1), ("facebook", 1, 0),
    }  # fmt: skip


def test_how_many_were_refused_around_a_time_is_a_sum_of_minutes():
    nine = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
    refusals.add({(nine + timedelta(minutes=n), "instagram"): (10**n, 0) for n in range(4)})

    assert refusals.refused_between(nine + timedelta(minutes=1), nine + timedelta(minutes=3)) == 110
    assert refusals.refused_between(nine - timedelta(hours=1), nine) == 0


def test_what_the_database_does_not_take_is_kept_and_no_more_than_an_hour_of_it(monkeypatch):
    one = Lookout()
    for n in range(MINUTES_HELD + 5):
        one._counts[timezone.now() - timedelta(minutes=n), "instagram"] = [1, 0]
    one.refused("instagram", SignatureMismatch(check="missing"))
    add = refusals.add

    def away(_counts):
        raise OperationalError("the database is away")

    monkeypatch.setattr(refusals, "add", away)
    with pytest.raises(OperationalError):
        one.flush()
    monkeypatch.setattr(refusals, "add", add)
    one.flush()

    assert Refusals.objects.count() == MINUTES_HELD


def test_where_a_worker_lives_web_leaves_the_alarms_to_it():
    now = timezone.now()
    Worker.objects.create(host="one", pid=1, pool="threads", slots=5, started_at=now, pulse_at=now)

    assert not lookout.look()
    assert not Turn.objects.exists()


def test_where_no_worker_lives_web_does_the_round_and_says_so():
    an_event(state="processed")

    assert lookout.look()
    assert [each.kind for each in Incident.objects.all()] == ["no_worker"]

"""What each condition asks costs by its answer, and not by what is stored."""

import pytest
from django.db import connection
from django.utils import timezone

from dead_letters import fresh
from dead_letters.models import Cause
from instagram_webhooks.alarms import conditions, incidents, kinds
from instagram_webhooks.inbox import refusals, sweep
from tests.admin.test_blocked_admin import many, plan_of
from tests.dead_letters.conftest import buried, graves  # noqa: F401 (fixtures)
from tests.inbox.test_claim import rows_read

pytestmark = pytest.mark.usefixtures("own_database")

LETTERS = 20_000
_MORE = """
INSERT INTO dead_letters_deadletter (id, subject_kind, subject_id, provider, kind, account_label, correlation_id,
       error_class, code, summary, attempts, fingerprint, status, created_at, closed_by, close_reason, replays,
       alerted_at)
SELECT gen_random_uuid(), subject_kind, gen_random_uuid(), provider, kind, account_label, correlation_id, error_class,
       code, summary, attempts, fingerprint, 'open', now() - n * interval '1 second', '', '', 0, now()
  FROM dead_letters_deadletter, generate_series(1, %s) n
"""


@pytest.fixture
def letters(buried):  # noqa: F811
    """Twenty thousand that were told of, of one cause, and one that is new."""
    buried()
    with connection.cursor() as cursor:
        cursor.execute(_MORE, [LETTERS])
        cursor.execute("ANALYZE dead_letters_deadletter")
    return Cause.objects.get()


def test_letters_that_were_told_of_cost_the_new_ones_nothing(letters):
    found = plan_of(fresh.FRESH, {"most": 10_000, "accounts": 3})

    assert rows_read(found["Plan"]) < 20


def test_whether_a_cause_needs_somebody_is_one_letter(letters):
    found = plan_of(fresh.NEEDING, {"ids": [letters.pk], "since": [timezone.now()]})

    assert rows_read(found["Plan"]) < 20


def test_how_many_die_at_present_is_counted_to_the_bar(letters):
    found = plan_of(fresh.DIED, {"within": 6000.0, "cap": 21})

    assert rows_read(found["Plan"]) < 200


def test_thousands_that_wait_for_a_later_time_cost_the_oldest_nothing():
    many(lanes=5_000, each=1)

    found = plan_of(sweep.OVERDUE, {"age": 300})

    assert rows_read(found["Plan"]) < 100


def test_refused_signatures_ask_the_inbox_only_where_some_were_refused():
    many(lanes=2_000, each=1)

    found = plan_of(refusals.MANY, {"few": 3, "within": 900.0, "bar": 20})

    assert rows_read(found["Plan"]) < 20


def test_a_flood_of_one_trouble_is_told_also_where_there_is_no_time_to_look_behind_it(monkeypatch):
    many(lanes=3_000, each=1)
    incidents.note({"waiting_head": [incidents.Seen(key="found before")]})
    monkeypatch.setattr(conditions, "MOST", 10)
    monkeypatch.setattr(conditions, "HIDDEN_MS", 1)

    before, flood = conditions.waiting_heads().by_kind["waiting_head"]

    assert (before.key, before.facts) == ("found before", {})
    assert kinds.KINDS["waiting_head"].headline(flood.facts).startswith("10+ conversations wait")

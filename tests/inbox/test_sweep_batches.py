"""The sweep goes batch by batch: how far, and what others do meanwhile."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from instagram_webhooks.inbox import claim as claims
from instagram_webhooks.inbox.sweep import AT_ONCE, DUE, LOCK, MARK, sweep
from instagram_webhooks.models import WebhookEvent
from tests.builders import a_message, stored
from tests.inbox.test_sweep import ME, forget_offers, in_another_session, offered

pytestmark = pytest.mark.usefixtures("own_database")


def before(statement, act):
    """While this is entered `act` is called before the sweep runs that statement."""

    def wrapper(execute, sql, *given):
        if sql == statement:
            act()
        return execute(sql, *given)

    return connection.execute_wrapper(wrapper)


@pytest.fixture
def more_than_one_batch(own_database):
    stored(*[a_message(f"m-{n}", sender=str(n)) for n in range(AT_ONCE + 1)])
    forget_offers()


def test_what_is_claimed_while_the_sweep_looks_is_not_offered():
    (event,) = stored(a_message())
    forget_offers()

    with before(MARK, lambda: in_another_session(lambda: claims.claim(event.pk, worker_id=ME))):
        assert offered() == set()

    event.refresh_from_db()
    assert (event.state, event.dispatched_at) == ("processing", None)


@pytest.mark.usefixtures("more_than_one_batch")
def test_who_finds_another_at_it_between_two_batches_leaves_the_rest_to_it(own_database):
    found = []
    with psycopg.connect(own_database, autocommit=True) as other:

        def depth():
            if found:
                assert other.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() == (True,)
            return 0

        sweep(found.extend, depth=depth)

    assert len(found) == AT_ONCE


@pytest.mark.usefixtures("more_than_one_batch")
@pytest.mark.parametrize(("depth", "count"), [(None, AT_ONCE), (0, AT_ONCE + 1)])
def test_where_nothing_goes_to_a_queue_one_batch_is_enough(depth, count):
    assert len(offered(depth)) == count


@pytest.mark.parametrize(("depth", "is_offered"), [(5, True), (5_000, False)])
def test_the_longer_the_queue_the_later_it_is_offered_again(depth, is_offered):
    stored(a_message())
    WebhookEvent.objects.update(dispatched_at=timezone.now() - timedelta(seconds=60))

    assert bool(offered(depth)) is is_offered


def test_a_process_that_froze_in_a_sweep_loses_it_after_five_seconds():
    shown = []

    def show():
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            shown.extend(cursor.fetchone())

    with before(DUE, show):
        offered()

    assert shown == ["5s"]

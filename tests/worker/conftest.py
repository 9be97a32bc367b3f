"""A worker in this process, with a real database and Meta's stand-in over real HTTP."""

import contextlib

import pytest
from django.db import connection
from django.utils import timezone

from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.worker import work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.retries import TryAgain
from simulator.graph import GraphSimulator
from tests.builders import ACCOUNT, TOKEN, a_message, an_account, knobs, stored

POLICY = "tests.policies.repeat"


@pytest.fixture
def graph():
    with GraphSimulator(accounts={ACCOUNT: TOKEN}) as simulator:
        yield simulator


@pytest.fixture
def shop(own_database, graph):
    """A connected account, a policy that answers everything, and short times."""
    with knobs(
        graph_api_url=graph.url, reply_policy=POLICY, retry_delays_s=(0.0, 0.0, 0.0), reply_settle_s=0.0,
        graph_deadline_s=2.0, lease_s=30.0,
    ):  # fmt: skip
        yield an_account()
    life.stopping.clear()


def worked(event):
    """The row after one wake-up."""
    with contextlib.suppress(TryAgain):
        work.process(event.pk)
    event.refresh_from_db()
    return event


@pytest.fixture
def line_plan():
    """How PostgreSQL would do a statement of one of the lines, for any values, planned while nothing was due."""

    def plan(line, statement, values):
        stored(*[a_message(f"m-plan-{n}", sender=str(n)) for n in range(150)], correlation_id="request-of-plan")
        ended = WebhookEvent.objects.filter(correlation_id__startswith="request-of-plan")
        ended.update(state="processed", claimable_at=None, finished_at=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE instagram_webhooks_webhookevent")
        used = {name: value for name, value in values.items() if f"%({name})s" in statement}
        return "\n".join(row[0] for row in line.run(f"EXPLAIN {statement}", used))

    return plan

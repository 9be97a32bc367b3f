"""A worker in this process, with a real database and Meta's stand-in over real HTTP."""

import contextlib

import pytest

from instagram_webhooks.worker import work
from instagram_webhooks.worker.life import life
from instagram_webhooks.worker.retries import TryAgain
from simulator.graph import GraphSimulator
from tests.builders import ACCOUNT, TOKEN, an_account, knobs

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

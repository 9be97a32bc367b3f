"""A session that hangs while the database answers all others: the worker ends, and its supervisor starts another."""

import os
import signal

import pytest

from tests.processes.process import until
from tests.processes.product import a_message

BACKEND = """
SELECT pid FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%%' || %s || '%%'
"""


@pytest.mark.parametrize(
    ("check", "statement"), [("line", "asked.lane"), ("pulse", "INSERT INTO instagram_webhooks_worker")]
)
def test_a_worker_one_of_whose_sessions_hangs_ends_and_says_why(installation, check, statement):
    times = {"WEBHOOK_LEASE_S": "6", "WORKER_SILENT_S": "3", "REPLY_POLICY_BUDGET_S": "1", "GRAPH_DEADLINE_S": "2"}
    with installation(**times) as product:
        worker = product.worker()
        product.web()
        product.post(a_message())
        product.all_ended()
        until(lambda: product.rows(BACKEND, statement), "the last look for more is made")
        pid = product.value(BACKEND, statement)

        os.kill(pid, signal.SIGSTOP)
        try:
            product.post(a_message())
            until(lambda: worker.said("worker.hung"), "it has noticed", within_s=40)
        finally:
            os.kill(pid, signal.SIGCONT)

        assert worker.exit_code(within_s=30) == os.EX_SOFTWARE
        assert [line["check"] for line in worker.said("worker.hung")][:1] == [check]
        assert product.value("SELECT unwell FROM instagram_webhooks_worker") == "stuck"
        product.worker()
        assert product.all_ended() == {"processed": 2}

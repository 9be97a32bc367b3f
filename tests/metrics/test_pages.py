"""/metrics of two web processes and of workers of both pools, after real webhooks."""

import contextlib
import os
import re
import signal
import stat
from pathlib import Path

import pytest

from instagram_webhooks import metrics
from simulator.meta_wire import headers as meta_headers
from simulator.meta_wire import wire
from tests.metrics.scrape import TOKEN, ask, by_series, scraped
from tests.processes.canary import traces_of
from tests.processes.process import until
from tests.processes.product import ACCOUNT, SECRET, a_message, a_sender
from webhooks_project.embedded import processes
from webhooks_project.embedded.server import free_port

RECEIVED = (metrics.RECEIVED.name, "instagram")
KNOWN = (metrics.DUPLICATES.name, "instagram")
ANSWERED = (f"{metrics.ACK.name}_count",)
PROCESSED = (f"{metrics.PROCESSED.name}_count",)
SENT = (metrics.REPLIES.name, "sent", "instagram")
CALLED = (metrics.GRAPH_CALLS.name, "ok", "instagram")


@pytest.fixture(scope="module")
def product(installation):
    with installation(METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="2") as product:
        product.web()
        yield product


@pytest.fixture
def since(product):
    """By how much a series of web rose since the test began."""
    before = scraped(product.port)
    yield lambda: {series: value - before.get(series, 0) for series, value in scraped(product.port).items()}
    product.execute("TRUNCATE instagram_webhooks_webhookevent")  # a worker of another test is to find none of them


def refused(cause):
    return (metrics.REFUSED.name, cause)


def folder_of(process):
    """Of a process that counts, by the files that it holds."""
    links = set()
    for link in (link for pid in processes.tree(process.pid) for link in Path(f"/proc/{pid}/fd").glob("*")):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile, as connections are
            links.add(Path(os.readlink(link)))
    (found,) = {link.parent for link in links if link.name.endswith(".lock")}
    return found


def test_one_page_sums_all_web_processes_whichever_of_them_answers(product, since):
    assert set(product.post_all([a_message() for _ in range(40)])) == {200}

    for _ in range(6):  # a connection each
        rose = since()
        assert (rose[RECEIVED], rose[ANSWERED]) == (40, 40)
    (web,) = product.started[:1]
    assert len(list(folder_of(web).glob("counter_*.db"))) == 2


def test_what_is_delivered_again_and_what_is_refused_is_counted_by_its_cause(product, since):
    body, raw = a_message(), wire(a_message())
    product.post(body)
    product.post(body)
    with product.sender() as sender:
        assert sender.post_raw(raw, meta_headers(raw, "another")).status == 403
    assert product.post(body, provider="telegram").status == 404
    assert product._status("/webhooks/instagram?hub.mode=subscribe") == 403

    rose = since()
    found = {cause: rose[refused(cause)] for cause in metrics.REFUSED.labels["cause"]}

    assert (rose[RECEIVED], rose[KNOWN], rose[ANSWERED]) == (1, 1, 2)
    assert {cause: value for cause, value in found.items() if value} == {
        "signature_mismatch": 1, "unknown_provider": 1, "handshake_refused": 1,
    }  # fmt: skip


def test_a_web_process_that_is_killed_takes_no_count_along_and_the_next_goes_on(product, since):
    product.post_all([a_message() for _ in range(20)])
    (web,) = product.started[:1]
    children = set(processes.tree(web.pid)) - {web.pid}

    for pid in children:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(processes.lives, children)), "they are dead")
    until(lambda: product._status("/healthz") == 200, "another one serves")
    product.post_all([a_message() for _ in range(20)])

    assert since()[RECEIVED] == 40
    assert len(list(folder_of(web).glob("counter_*.db"))) == 2


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "é"])
def test_without_the_token_there_is_no_figure(product, token):
    answer = ask(product.port, token=token.encode().decode("latin-1"))

    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_the_token_is_a_bearer_and_nothing_else(product):
    assert ask(product.port, token="", Authorization=f"Basic {TOKEN}").status_code == 401
    assert ask(product.port, token="", Authorization=TOKEN).status_code == 401


@pytest.mark.parametrize(("pool", "starts"), [("threads", 2), ("prefork", 0)])
def test_a_worker_tells_on_its_own_port_what_all_of_its_children_did(product, pool, starts):
    port, canary, sender = free_port(), "canary words of a customer", a_sender()
    product.post(a_message(canary))
    product.execute("UPDATE instagram_webhooks_webhookevent SET starts = %s WHERE finished_at IS NULL", starts)
    worker = product.worker(METRICS_PORT=str(port), WORKER_POOL=pool, WORKER_CONCURRENCY="2")

    product.post(a_message(canary, sender=sender))
    product.post_all([a_message(canary) for _ in range(9)])
    product.all_ended()

    found = until(lambda: (now := scraped(port))[PROCESSED] >= 11 and now, "all are counted")
    assert len(worker.said("event.set_apart")) == (starts == 2)
    assert [found[each] for each in (PROCESSED, SENT, CALLED)] == [11, 11, 11]
    pages = {"web": ask(product.port).content, "worker": ask(port).content}
    assert traces_of([canary, sender, ACCOUNT, TOKEN, SECRET], pages) == []
    folder = folder_of(worker)
    worker.signal(signal.SIGTERM)
    assert worker.exit_code(within_s=30) == 0
    assert not folder.exists()


def test_the_page_holds_every_name_with_its_type_and_meaning(product):
    text = ask(product.port).text

    told = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))

    assert told == {metric.name: metric.kind for metric in metrics.ALL if metric.name in told}
    missing = {metric.name for metric in metrics.ALL} - set(told)
    unknown = {series[1] for series, value in by_series(text).items() if series[0] == metrics.UNKNOWN.name and value}
    assert missing <= unknown
    for metric in metrics.ALL:
        assert metric.name in missing or f"# HELP {metric.name} {metric.meaning}" in text


def test_prometheus_may_have_it_in_the_form_that_it_asks_for(product):
    answer = ask(product.port, Accept="application/openmetrics-text; version=1.0.0")

    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_the_counts_lie_where_only_their_user_can_read_and_go_with_the_processes(product):
    (web,) = product.started[:1]
    folder = folder_of(web)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    web.signal(signal.SIGTERM)

    assert web.exit_code(within_s=30) == 0
    assert not folder.exists()

"""A long outage of Meta against a whole installation, with the shipped times, by hand.

    .venv/bin/python -m tests.outage --minutes 10 --rate 20

Starts servers, web and a worker of its own, sends signed messages at a steady rate, lets Meta's
stand-in answer every call with 503 for so long, and prints what that cost and when all was done.
Exit code 1: a message was not answered exactly once, something was buried, or calls came too fast.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from tests.processes.product import a_message, a_sender, installed

CALM_S, LONGEST_DRAIN_S = 10.0, 1800.0
SHIPPED = {
    "WEBHOOK_LEASE_S": "90",
    "WEBHOOK_SWEEP_INTERVAL_S": "5",
    "WEBHOOK_DISPATCH_GATE_S": "30",
    "GRAPH_DEADLINE_S": "20",
    "REPLY_POLICY_BUDGET_S": "20",
}


def post_steadily(product, rate, ended):
    """Posts messages of new customers until `ended`; their texts once all are taken."""
    texts, begun = [], time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        posts = []
        while not ended.wait(max(0.0, begun + len(texts) / rate - time.monotonic())):
            texts.append(f"message {len(texts)}")
            posts.append(pool.submit(product.post, a_message(texts[-1], sender=a_sender())))
    assert {post.result().status for post in posts} == {200}
    return texts


def open_events(product):
    return sum(count for state, count in product.states().items() if state not in ("processed", "ignored", "dead"))


def run(product, minutes, rate):
    """What happened, in numbers."""
    product.web()
    product.worker()
    ended, texts = threading.Event(), []
    sender = threading.Thread(target=lambda: texts.extend(post_steadily(product, rate, ended)))
    sender.start()
    time.sleep(CALM_S)
    for edge in ("messages", "conversations"):
        product.graph.script_all(["http:503*"], edge=edge)
    before = len(product.graph.calls())
    time.sleep(minutes * 60)
    during = len(product.graph.calls()) - before
    for edge in ("messages", "conversations"):
        product.graph.script_all([], edge=edge)
    back = time.monotonic()
    ended.set()
    sender.join()
    waiting = open_events(product)
    first_s = None
    while (left := open_events(product)) and time.monotonic() - back < LONGEST_DRAIN_S:
        if first_s is None and left < waiting:
            first_s = round(time.monotonic() - back, 1)
        time.sleep(1)
    answered = Counter(call.text for call in product.graph.taken())
    lookups = [call for call in product.graph.calls() if call.edge == "conversations"]
    return {
        "messages": len(texts),
        "waiting_at_the_end_of_the_outage": waiting,
        "calls_during_the_outage": during,
        "first_reply_s": first_s,
        "drained_s": round(time.monotonic() - back, 1),
        "open": open_events(product),
        "not_answered_once": sum(answered[f"re {text}"] != 1 for text in texts),
        "dead_letters": product.value("SELECT count(*) FROM dead_letters_deadletter"),
        "attempts": {row["attempts"]: row["count"] for row in product.rows(
            "SELECT attempts, count(*) FROM instagram_webhooks_webhookevent GROUP BY 1 ORDER BY 1")},
        "lookups": len(lookups),
        "most_lookups_in_a_second": most_in_a_second(lookups),
    }  # fmt: skip


def most_in_a_second(calls):
    times = sorted(datetime.fromisoformat(call.at).timestamp() for call in calls)
    return max((sum(begin <= each < begin + 1 for each in times) for begin in times), default=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, installed(Path(folder), settings=SHIPPED) as product:
        found = run(product, options.minutes, options.rate)
    for name, value in found.items():
        sys.stdout.write(f"{name.replace('_', ' ')}: {value}\n")
    is_well = not (found["open"] or found["not_answered_once"] or found["dead_letters"])
    sys.exit(0 if is_well and found["most_lookups_in_a_second"] <= 2 else 1)


if __name__ == "__main__":
    main()

"""Reading a page as Prometheus does."""

import requests
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "a-token-for-the-scraper"


def by_series(text):
    """The number of each series, by its name and the values of its labels, in the order of the labels' names."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(each.name, *(each.labels[name] for name in sorted(each.labels))): each.value for each in samples}


def ask(port, *, token=TOKEN, **headers):
    """The answer of /metrics over a connection of its own."""
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"http://127.0.0.1:{port}/metrics", headers=headers, timeout=10)


def scraped(port):
    answer = ask(port)
    assert answer.status_code == 200
    return by_series(answer.text)

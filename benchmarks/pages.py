"""
`python -m benchmarks.pages`: how long the pages of the ops desk take beside a million letters, five million events.

Each list, each of its filters and each pair of them, a search that finds and one that does not, a deep page, and each
page of one row, as a logged-in superuser has them: the whole page and its slowest query. Exit code 1 where a bar is
missed. --keep FOLDER keeps the loaded database there, and uses it again the next time.
"""

import argparse
import contextlib
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import large
from tests.processes.process import CHECKOUT
from webhooks_project import embedded

PAGE_MS, QUERY_MS = 300, 200
ADMIN = "/admin/"
# Lists, and what each is searched by: a column whose value of some row is found, none that is not.
LISTS = {
    "dead_letters/cause": "id",
    "dead_letters/deadletter": "subject_id",
    "dead_letters/replaybatch": "id",
    "instagram_webhooks/webhookevent": "event_id",
    "instagram_webhooks/blockedconversation": "",
    "instagram_webhooks/conversation": "id",
    "instagram_webhooks/account": "account_id",
    "audit/auditentry": "subject_id",
    "knox/authtoken": "",
    "auth/user": "",
}
_ONE = ("cause", "deadletter", "replaybatch", "webhookevent", "conversation", "account", "auditentry")
_MORE = {
    "dashboard": "/admin/",
    "dashboard, 7 d": "/admin/?range=7d",
    "audit of one person": "/admin/audit/auditentry/?q=ops",
    "replay: preview": "/admin/dead_letters/replaybatch/new/?cause={cause}&account={account}",
}


@dataclass(slots=True)
class Taken:
    """Of one page: the milliseconds of each call, and of the slowest query of each."""

    pages: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    queries: int = 0
    sql: str = ""

    @property
    def p95(self) -> float:
        return _p95(self.pages)

    @property
    def query_p95(self) -> float:
        return _p95(self.slowest)

    @property
    def is_within(self) -> bool:
        return self.p95 <= PAGE_MS and self.query_p95 <= QUERY_MS

    def begun(self) -> None:
        """Another call."""
        self.slowest.append(0.0)
        self.queries = 0

    def seen(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Wraps a query of Django's connection."""
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            took = (time.perf_counter() - begun) * 1000
            self.queries += 1
            if took > self.slowest[-1]:
                self.slowest[-1], self.sql = took, sql


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main() -> int:
    """Prints the table in Markdown; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--letters", type=int, default=large.Size().letters)
    parser.add_argument("--events", type=int, default=large.Size().events)
    parser.add_argument("--calls", type=int, default=20, help="of each page")
    parser.add_argument("--keep", type=Path, help="a folder for the database, to be used again")
    parser.add_argument("--only", default="", help="pages whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="also the slowest query of each page")
    given = parser.parse_args()
    size = large.Size(events=given.events, letters=given.letters)
    with _servers(given.keep, size) as url:
        found = _measured(url, given.calls, given.only)
    print(_table(found, verbose=given.verbose))
    missed = [name for name, taken in found.items() if not taken.is_within]
    print(f"\n{len(found)} pages; above {PAGE_MS} ms p95 or {QUERY_MS} ms a query: {', '.join(missed) or 'none'}.")
    return 1 if missed else 0


@contextlib.contextmanager
def _servers(keep: Path | None, size: large.Size) -> Iterator[str]:
    """The URL of a loaded database; it is loaded where the folder holds none yet."""
    with contextlib.ExitStack() as stack:
        folder = keep or stack.enter_context(embedded.temporary_folder())
        folder.mkdir(parents=True, exist_ok=True)
        loaded = folder / "loaded"
        free, needed = shutil.disk_usage(folder).free, size.events * large.BYTES_AN_EVENT
        if not loaded.exists() and free < needed:
            raise SystemExit(f"{needed >> 30} GiB of free disk are needed under {folder}, {free >> 30} are there.")
        if not loaded.exists():
            shutil.rmtree(folder / "servers", ignore_errors=True)  # half of a load that was ended
        environ = {**os.environ, "DATABASE_URL": "", "REDIS_URL": ""}
        services = stack.enter_context(embedded.services(folder / "servers", durable=False, environ=environ))
        os.environ.update(services.environment, DJANGO_DEBUG="true", DJANGO_SETTINGS_MODULE="webhooks_project.settings")
        if not loaded.exists():
            _load(services.database_url, size)
            loaded.write_text(f"{size}\n")
        yield services.database_url


def _load(url: str, size: large.Size) -> None:
    subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=CHECKOUT, check=True)
    begun = time.monotonic()
    with psycopg.connect(url, autocommit=True) as connection:
        large.load(connection, size)
        bytes_ = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert bytes_
    print(f"{size} in {time.monotonic() - begun:.0f} s, {bytes_[0] / 2**30:.1f} GiB", file=sys.stderr)


def _measured(url: str, calls: int, only: str) -> dict[str, Taken]:
    import django
    from django.conf import settings

    django.setup()
    settings.DEBUG = False  # with it each query is kept and counted
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import setup_test_environment

    from dead_letters import causes

    setup_test_environment(debug=False)
    causes.keep()
    user = User.objects.filter(username="bench").first() or User.objects.create_superuser("bench")
    client = Client()
    client.force_login(user)
    found: dict[str, Taken] = {}
    with psycopg.connect(url, autocommit=True) as rows:
        pages = {name: address for name, address in _pages(client, rows).items() if only in name}
    for name, address in pages.items():
        client.get(address)  # what is loaded once is not the page's
        taken = found[name] = Taken()
        for _ in range(calls):
            taken.begun()
            begun = time.perf_counter()
            with connection.execute_wrapper(taken.seen):
                page = client.get(address, follow=True)
            taken.pages.append((time.perf_counter() - begun) * 1000)
            assert page.status_code == 200, (name, page.status_code)
        print(f"{name}: {taken.p95:.0f} ms, {taken.query_p95:.0f} ms", file=sys.stderr)
    return found


def _pages(client: Any, rows: Any) -> dict[str, str]:
    """Every page by its name: lists with their filters as the lists themselves offer them."""
    found = {}
    for name, key in LISTS.items():
        address = f"{ADMIN}{name}/"
        model = name.partition("/")[2]
        table = name.replace("/", "_")
        found[name] = address
        page = client.get(address)
        filters = [_choices(spec, page.context["cl"]) for spec in page.context["cl"].filter_specs]
        for one in filters:
            found |= {f"{name} {words}": f"{address}?{query}" for words, query in one}
        for first, second in itertools.combinations([_some(one) for one in filters], 2):
            for (a, query_a), (b, query_b) in itertools.product(first, second):
                found[f"{name} {a}, {b}"] = f"{address}?{query_a}&{query_b}"
        if page.context["cl"].multi_page:
            found[f"{name} deep page"] = f"{address}?{_deep(page.context['cl'])}"
        if key:
            (some,) = rows.execute(f"SELECT {key} FROM {table} OFFSET 100 LIMIT 1").fetchone() or (1,)
            found[f"{name} search, found"] = f"{address}?q={some}"
            found[f"{name} search, not found"] = f"{address}?q=018f0000-0000-7000-8000-000000000000"
        if model in _ONE:
            newest = "event_id" if model == "webhookevent" else "id"
            some = rows.execute(f"SELECT {newest} FROM {table} ORDER BY {newest} DESC OFFSET 10 LIMIT 1").fetchone()
            found[f"{name} of one"] = f"{address}{some[0]}/change/"
    (cause, account) = rows.execute("""SELECT fingerprint, account_label FROM dead_letters_deadletter
        WHERE status = 'open' GROUP BY 1, 2 HAVING count(*) < 10000 ORDER BY count(*) DESC LIMIT 1""").fetchone()
    found |= {name: address.format(cause=cause, account=account) for name, address in _MORE.items()}
    return found


def _deep(changelist: Any) -> str:
    """The query of the page in the middle of all rows, or the last of a list whose pages go by number."""
    from audit.pages.keyset import Cursor, Order

    if not changelist.is_by_key:
        return f"p={changelist.paginator.num_pages}"
    names = changelist.model_admin.ordering
    rows = changelist.model.objects.order_by(*names)
    return f"cursor={Cursor.at(rows[rows.count() // 2], Order.of(names)).written()}"


def _choices(spec: Any, changelist: Any) -> list[tuple[str, str]]:
    """Words and query of each choice but the one that narrows nothing."""
    offered = [(str(each["display"]), each["query_string"].lstrip("?")) for each in spec.choices(changelist)]
    return [(words, query) for words, query in offered if query]


def _some(choices: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """At most five of them, the first and the last among them: twenty kinds by seven states tell no more."""
    return choices[:: max(1, -(-len(choices) // 4))] + choices[-1:] if len(choices) > 5 else choices


def _table(found: dict[str, Taken], *, verbose: bool) -> str:
    lines = ["| page | p50, ms | p95, ms | queries | slowest query, p95, ms |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, taken in found.items():
        mark = "" if taken.is_within else " **above**"
        lines.append(f"| {name}{mark} | {statistics.median(taken.pages):.0f} | {taken.p95:.0f} | {taken.queries} |"
                     f" {taken.query_p95:.0f} |")  # fmt: skip
        if verbose and not taken.is_within:
            lines.append(f"<!-- {taken.sql} -->")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

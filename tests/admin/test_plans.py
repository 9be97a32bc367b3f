"""Each list asks a fixed number of questions, and none of them reads a large table from end to end."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import AuditEntry
from audit.pages import rows
from benchmarks import large
from dead_letters.models import Cause, DeadLetter, ReplayBatch
from instagram_webhooks.models import Conversation, WebhookEvent

pytestmark = pytest.mark.usefixtures("own_database")
LARGE = ("instagram_webhooks_webhookevent", "dead_letters_deadletter", "audit_auditentry")
LISTS = {  # the questions of a page, and what narrows it in each way that it offers
    "dead_letters/deadletter/": (6, "status__exact=open", "provider=whatsapp", "status__exact=open&provider=facebook"),
    "dead_letters/cause/": (9, "state=all"),
    "instagram_webhooks/webhookevent/": (7, "state=dead", "kind=comment", "state=processed&provider=whatsapp",
                                         "state=parked&account__exact=17841400000000007", "state=retrying"),
    "instagram_webhooks/conversation/": (6, "provider=whatsapp"),
    "audit/auditentry/": (6, "action=event.failed", "action=event.replayed", "provider=whatsapp", "by=me", "by=people",
                          "within=1", "q=anna", "by=people&action=event.failed"),
}  # fmt: skip
SIZE = large.Size(events=20_000, letters=5_000, accounts=20)
LOOKED_THROUGH = 500  # as few of these rows as it is of a large table


@pytest.fixture
def filled(own_database):
    """Enough rows of each kind for PostgreSQL to think of them as many."""
    import psycopg

    with psycopg.connect(own_database, autocommit=True) as inside:
        large.load(inside, SIZE)


def asked(client, address):
    """The statements of a page, with their values."""
    client.get(address, secure=True)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(address, secure=True).status_code == 200
    return [query["sql"] for query in seen if query["sql"].startswith("SELECT")]


def scanned(sql):
    """The large tables that a statement reads from end to end."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".replace("%", "%%"))
        nodes = [cursor.fetchone()[0][0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} & set(LARGE)


def test_every_list_asks_few_questions_and_each_by_an_index(filled, admin_client, monkeypatch):
    monkeypatch.setattr(rows, "LOOKED_THROUGH", LOOKED_THROUGH)
    found = {}
    for name, (most, *queries) in LISTS.items():
        for query in ("", *queries):
            questions = asked(admin_client, f"/admin/{name}?{query}")
            assert len(questions) <= most + 1, (name, query, questions)
            read = set().union(*map(scanned, questions))
            found |= {f"{name}?{query}": read} if read else {}

    assert found == {}


def plan_of(sql):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}".replace("%", "%%"))
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.mark.parametrize("query", ["q=anna", "by=people"])
def test_what_people_did_long_ago_is_found_by_an_index_of_what_people_did(filled, admin_client, query):
    AuditEntry.objects.bulk_create(
        AuditEntry(id=uuid.UUID(int=n), action="dead_letter.replayed", actor="anna") for n in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditentry")

    questions = asked(admin_client, f"/admin/audit/auditentry/?{query}")

    (listed,) = [sql for sql in questions if "ORDER BY" in sql and "COUNT" not in sql and "audit_auditentry" in sql]
    assert "using audit_by_pe" in plan_of(listed)


@pytest.mark.parametrize("query", ["q=anna", "by=people"])
def test_an_action_that_people_never_did_is_looked_for_no_further_than_any_filter_without_an_index(
    filled, admin_client, monkeypatch, query
):
    monkeypatch.setattr(rows, "LOOKED_THROUGH", LOOKED_THROUGH)
    AuditEntry.objects.bulk_create(
        AuditEntry(id=uuid.UUID(int=n), action="dead_letter.replayed", actor="anna") for n in range(3000)
    )

    listed = admin_client.get(f"/admin/audit/auditentry/?{query}&action=event.processed", secure=True).context["cl"]

    assert listed.result_list == []
    assert listed.further_query


def test_a_preview_reads_an_index_and_no_page_of_the_table_for_each_letter(filled, admin_client):
    account, cause = DeadLetter.objects.filter(status="open").values_list("account_label", "cause_id").first()
    asked_for = f"cause={cause}&account={account}"

    questions = asked(admin_client, f"/admin/dead_letters/replaybatch/new/?{asked_for}")

    (letters,) = [sql for sql in questions if 'FROM "dead_letters_deadletter"' in sql]
    assert "Index Only Scan using dead_letter_open_by_account" in plan_of(letters)


def test_a_page_of_one_reads_its_row_once(filled, admin_client):
    read = {}
    for model in (DeadLetter, Cause, ReplayBatch, WebhookEvent, Conversation, AuditEntry):
        row, table = model.objects.first(), model._meta.db_table
        page = reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_change", args=[row.pk])
        of_one = f'FROM "{table}" WHERE "{table}"."{model._meta.pk.column}" = '
        read[model.__name__] = sum(of_one in sql for sql in asked(admin_client, page))

    assert set(read.values()) == {1}, read

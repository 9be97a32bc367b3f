"""The guide's two roles: one makes the tables, and the service does with one that owns none."""

import os
import re
import uuid

import psycopg
import pytest

from tests.deploy.shipped import DEPLOY
from tests.processes.product import a_message, installed

SERVICE = f"roles_{uuid.uuid4().hex[:12]}"  # roles are the server's, which others may use
OWNER, PASSWORD = f"{SERVICE}_owner", "of-both"


def steps():
    """The guide's statements, up to the change of the database and after it."""
    (block,) = re.findall(r"```sql\n(.*?)```", (DEPLOY / "README.md").read_text(), re.DOTALL)
    return block.replace("'…'", f"'{PASSWORD}'").replace("instagram_webhooks", SERVICE).split(f"\\connect {SERVICE}\n")


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    base = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[0]
    place = base.rpartition("@")[2]
    as_owner, as_service = (f"postgresql://{role}:{PASSWORD}@{place}/{SERVICE}" for role in (OWNER, SERVICE))
    before, after = steps()
    with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
        try:
            for statement in before.split(";\n")[:-1]:
                server.execute(statement)
            with psycopg.connect(f"{base}/{SERVICE}", autocommit=True) as database:
                database.execute(after)
            settings = {"MIGRATION_DATABASE_URL": as_owner}
            with installed(tmp_path_factory.mktemp("roles"), database_url=as_service, settings=settings) as product:
                product.run("manage.py", "migrate", "--verbosity", "0")
                yield product
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {SERVICE} WITH (FORCE)")
            server.execute(f"DROP ROLE IF EXISTS {SERVICE}, {OWNER}")


@pytest.fixture(scope="module")
def answered(product):
    product.web()
    product.worker()
    answer = product.post(a_message())
    product.all_ended()
    return answer


def test_the_service_takes_in_and_answers_with_the_weaker_role(product, answered):
    owners = product.rows("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")

    assert product.state(answered) == "processed"
    assert product.value("SELECT count(*) FROM audit_auditentry WHERE action = 'event.processed'") == 1
    assert owners == [{"tableowner": OWNER}]
    assert product.value("SELECT current_user") == SERVICE


def test_what_housekeeping_forgets_it_may_forget(product):
    program = "from instagram_webhooks.worker import housekeeping; print(housekeeping.tidy()['tokens'])"

    assert product.run("manage.py", "shell", "-v", "0", "-c", program).strip() == "0"


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE audit_auditentry DISABLE TRIGGER USER",
        "TRUNCATE audit_auditentry",
        "DROP TABLE audit_auditentry",
        "CREATE TABLE mine (id int)",
    ],
)
def test_the_weaker_role_changes_no_table(product, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        product.execute(statement)

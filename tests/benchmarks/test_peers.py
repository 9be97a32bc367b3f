import json
import re

import pytest

from benchmarks.peers import columns, environments

STATEMENTS = re.compile(r"^const ([A-Z_]+) =\s+((?:'[^']*'|\"[^\"]*\"|\s|\+)+);", re.MULTILINE)


def sql_of(source):
    """The SQL of a JavaScript file by the name of its constant, each put together from its literals."""
    whole = (environments.EXPRESS / source).read_text()
    return {
        name: "".join(one or two for one, two in re.findall(r"'([^']*)'|\"([^\"]*)\"", literals))
        for name, literals in STATEMENTS.findall(whole)
    }


@pytest.mark.parametrize("lock", [environments.NODE_LOCK, environments.PYTHON_LOCK], ids=lambda lock: lock.name)
def test_a_lock_names_no_address(lock):
    assert re.findall(r".*(?:://|\"resolved\"|--(?:extra-)?index-url|--find-links).*", lock.read_text()) == []


def test_each_package_of_the_peers_is_pinned_with_a_digest():
    packages = json.loads(environments.NODE_LOCK.read_text())["packages"]
    lines = re.split(r"\n(?=\S)", environments.PYTHON_LOCK.read_text())
    requirements = [line for line in lines if not line.startswith("#")]

    assert [name for name, package in packages.items() if name and not package.get("integrity")] == []
    assert [
        each for each in requirements if not each.startswith("#") and ("==" not in each or "--hash" not in each)
    ] == []


def test_the_lock_of_node_is_of_its_manifest():
    wanted = json.loads(environments.MANIFEST.read_text())["dependencies"]
    packages = json.loads(environments.NODE_LOCK.read_text())["packages"]

    assert packages[""]["dependencies"] == wanted
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


@pytest.mark.django_db
def test_postgresql_takes_each_statement_of_express_and_its_worker():
    from django.db import connection

    statements = sql_of("server.js") | sql_of("worker.js")

    assert set(statements) == {"INSERT_ONE", "INSERT_MANY", "CONVERSATION", "MESSAGE", "PROCESSED", "AUDIT"}
    with connection.cursor() as cursor:
        cursor.execute(columns.SCHEMA.read_text())
        for name, statement in statements.items():
            cursor.execute(f"PREPARE {name} AS {statement}")


def test_the_tutorial_knows_each_table_of_the_schema():
    tables = set(re.findall(r"CREATE TABLE (\w+)", columns.SCHEMA.read_text()))

    models = (environments.TUTORIAL / "inbox" / "models.py").read_text()

    assert set(re.findall(r'db_table = "(\w+)"', models)) == tables

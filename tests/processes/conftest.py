"""Installations of the product for a module's tests; the end of their logs is shown where a test fails."""

import contextlib
import os
import uuid

import psycopg
import pytest

from tests.processes.product import Product, installed

__all__ = ["installation", "pytest_runtest_makereport"]


@pytest.fixture(scope="module")
def installation(template, tmp_path_factory):
    """`with installation(NAME="value") as product`: a product over a clone of the migrated database."""

    @contextlib.contextmanager
    def made(**settings):
        base = os.environ["DATABASE_URL"].partition("?")[0].rpartition("/")[0]
        name = f"product_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(f"{base}/postgres", autocommit=True) as server:
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
            try:
                folder = tmp_path_factory.mktemp("product")
                with installed(folder, database_url=f"{base}/{name}", settings=settings) as product:
                    yield product
            finally:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        products = [value for value in item.funcargs.values() if isinstance(value, Product)]
        report.sections += [words for product in products for words in product.last_words()]
    return report

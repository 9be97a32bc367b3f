"""Installations full of rows, and without any; a signed-in window of each kind before them."""

import pytest

from tests.browser.conftest import browser, installation, look, pytest_runtest_makereport, sign_in, sign_up
from tests.browser.screens.table import address_of

__all__ = ["browser", "installation", "look", "pytest_runtest_makereport"]


def pytest_addoption(parser):
    parser.addoption("--screens", metavar="FOLDER", help="where the pictures of the README are written to")


def filled(product, rows):
    """An installation whose web process answers. rows: everyday, hostile, or "" for none."""
    sign_up(product)
    product.is_empty = not rows
    if rows:
        product.run("manage.py", "shell", "--no-imports", "-c", f"from tests.browser.seeds import fill; fill('{rows}')")
    product.web()
    return product


@pytest.fixture(scope="module")
def full(installation):
    with installation() as product:
        yield filled(product, "everyday")


@pytest.fixture(scope="module")
def empty(installation):
    with installation() as product:
        yield filled(product, "")


@pytest.fixture(scope="module")
def signed_in(look):
    """`signed_in(product, **of_context)`: a window in which somebody with all rights has logged in."""

    def made(product, **of_context):
        window = look(product, **of_context)
        sign_in(window)
        return window

    return made


def shown(window, screen, product):
    """Goes to a screen; the status, or None where the installation has nothing to show there."""
    address = address_of(screen, product)
    return address and window.go(address)

"""An installation with its web process, and a browser before it."""

import pytest

from tests.browser import chrome
from tests.processes.conftest import installation, pytest_runtest_makereport

__all__ = ["installation", "pytest_runtest_makereport"]
NAME, PASSWORD = "anna", "correct horse battery"


@pytest.fixture(scope="module")
def browser(template):
    """Started after the database is made: its event loop would forbid Django to ask anything in this thread."""
    with chrome.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def look(browser):
    """`look(product, **of_context)`: a new window before an installation; a test that it troubled fails."""
    opened = []

    def at(product, **of_context):
        context = browser.new_context(**{"viewport": chrome.DESK} | of_context)
        opened.append(context)
        return chrome.Watched(context.new_page(), product.url)

    yield at
    for context in opened:
        context.close()


def sign_up(product, name=NAME):
    """A superuser of an installation."""
    product.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    product.run("manage.py", "createsuperuser", "--noinput", "--username", name, "--email", "")


def sign_in(window, name=NAME):
    """Through the page, as a person does."""
    window.go("/admin/login/?next=/admin/")
    window.page.get_by_label("Username").fill(name)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.get_by_role("button", name="Log in").click()

"""What goes wrong is said on a page as whole as any other: no such row, no right, a form that was not filled in."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in
from tests.browser.screens.conftest import shown
from tests.browser.screens.table import SCREENS
from tests.browser.screens.test_screens import WINDOWS, is_whole

NO_ID = "018f0000-0000-7000-8000-000000000000"
OF_THE_BROWSER = "Failed to load resource"  # it says so itself of every answer that is no success
_PREVIEW = next(screen for screen in SCREENS if screen.name == "preview")


@pytest.fixture(scope="module", params=WINDOWS)
def window(request, full, signed_in):
    return signed_in(full, **WINDOWS[request.param])


@pytest.mark.parametrize("table", ["dead_letters/deadletter", "dead_letters/cause", "instagram_webhooks/webhookevent"])
def test_a_row_that_is_not_there_is_said_not_to_be(window, table):
    assert window.go(f"/admin/{table}/{NO_ID}/change/") == 200  # of the first page, with a message

    expect(window.page.locator(".messagelist")).to_contain_text("doesn’t exist")
    is_whole(window)


def test_an_address_that_leads_nowhere_is_not_found(window):
    address = f"{window.url}/admin/dead_letters/deadletter/act/replay/?id=nothing"
    assert window.page.request.get(address).status == 404


def test_a_form_that_was_not_filled_in_comes_back_with_what_is_missing(window, full):
    shown(window, _PREVIEW, full)
    page = window.page
    page.evaluate("document.querySelectorAll('.asks [required]').forEach(each => each.removeAttribute('required'))")
    page.get_by_role("button", name="Replay").click()

    expect(page.locator(".errorlist").first).to_contain_text("This field is required.")
    is_whole(window)


def test_who_may_nothing_is_told_so_and_shown_nothing(full, look):
    window = look(full)
    sign_in(window, "reader")
    expect(window.page.get_by_text("You don’t have permission to view or edit anything.")).to_be_visible()
    is_whole(window)

    assert window.go("/admin/dead_letters/deadletter/") == 403
    assert window.told((OF_THE_BROWSER,)) == []

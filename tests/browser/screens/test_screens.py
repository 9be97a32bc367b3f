"""Each screen in light and dark, on a desk and on a phone, with and without rows: whole, quiet and for everybody."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser import chrome
from tests.browser.screens.conftest import shown
from tests.browser.screens.table import SCREENS

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
WINDOWS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": chrome.PHONE, "is_mobile": True, "has_touch": True},
}
TAB_STOPS = 6
_TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module", params=["full", "empty"])
def installed(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=WINDOWS)
def window(request, installed, signed_in):
    return signed_in(installed, **WINDOWS[request.param])


def faults_of(page):
    """What axe finds against WCAG 2 A and AA, as rule and place."""
    found = Axe().run(page, options=AXE).response["violations"]
    return [(each["id"], node["target"], node["any"][:1] and node["any"][0]["message"]) for each in found
            for node in each["nodes"][:3]]  # fmt: skip


def is_whole(window, known=()):
    """Raises for whatever is wrong with the page that stands before somebody."""
    page = window.page
    assert page.get_by_role("heading", level=1).first.inner_text()
    assert page.evaluate(_TOO_WIDE) <= 0, "it is wider than the window"
    for _ in range(TAB_STOPS):
        window.tab()
    assert window.told(known) == []
    assert [fault for fault in faults_of(page) if fault[0] not in known] == []
    window.told()  # axe sets styles of its own, which the policy refuses


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_a_screen_is_whole_quiet_and_for_everybody(window, installed, screen):
    status = shown(window, screen, installed)
    if status is None:
        assert installed.is_empty  # of nothing there is no page
        return

    assert status == 200
    is_whole(window, screen.known)

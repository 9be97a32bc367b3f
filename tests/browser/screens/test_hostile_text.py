"""Whatever a customer, Meta or a colleague wrote stands on every page as text: inert, whole and in its place."""

import pytest

from tests.browser import chrome
from tests.browser.hostile import TURNING
from tests.browser.screens.conftest import filled, shown
from tests.browser.screens.table import SCREENS

_WORKED = """() => ({ran: document.querySelectorAll('#ran, img[src=x]').length, title: document.title,
  tooWide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  text: document.body.innerText + [...document.querySelectorAll('input, textarea')].map(e => e.value).join(' ')})"""
_WIDEST = """() => [...document.querySelectorAll('#container *')].map(e => [e.getBoundingClientRect().right, e]).sort(
  (a, b) => b[0] - a[0]).slice(0, 3).map(([right, e]) => `${right} ${e.tagName}.${e.className} #${e.id}`)"""
# Of a page on which no text of others stands at all.
WITHOUT = {"account-add", "blocked", "conversations", "job-run", "never-seen", "opened-asks", "password", "runbook",
           "set-aside", "sought", "upkeep", "workers"}  # fmt: skip


@pytest.fixture(scope="module")
def product(installation):
    with installation() as product:
        yield filled(product, "hostile")


@pytest.fixture(scope="module", params=["desk", "phone"])
def window(request, product, signed_in):
    on_phone = {"viewport": chrome.PHONE, "is_mobile": True, "has_touch": True}
    return signed_in(product, **on_phone if request.param == "phone" else {})


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_the_worst_text_is_only_text(window, product, screen):
    assert shown(window, screen, product) == 200

    found = window.page.evaluate(_WORKED)

    assert window.told(screen.known) == []
    assert found["ran"] == 0
    assert found["title"] != "ran"
    assert found["tooWide"] <= 0, f"it is wider than the window: {window.page.evaluate(_WIDEST)}"
    assert "{{7*7}}" in found["text"] or screen.name in WITHOUT
    assert not set(found["text"]) & set(TURNING)

"""The pictures of the README: made of the same pages, and small enough to be kept."""

from pathlib import Path

import pytest

from tests.browser import chrome
from tests.browser.screens.conftest import shown
from tests.browser.screens.table import SCREENS

LARGEST_BYTES = 150_000
PICTURES = {
    "dashboard-light": ("dashboard", "light"),
    "dashboard-dark": ("dashboard", "dark"),
    "dashboard-phone": ("dashboard", "phone"),
    "causes": ("causes", "light"),
    "cause": ("cause", "light"),
    "letter": ("letter", "light"),
    "preview": ("preview", "light"),
    "batch": ("batch", "dark"),
    "events": ("events", "light"),
}
SIZE = {"width": 1120, "height": 760}
_OF = {screen.name: screen for screen in SCREENS}


@pytest.fixture
def folder(request, tmp_path):
    """Where --screens says, or one that nobody keeps."""
    return Path(request.config.getoption("--screens") or tmp_path)


@pytest.fixture
def window(signed_in, full, look_of):
    viewport = chrome.PHONE if look_of == "phone" else SIZE
    return signed_in(full, viewport=viewport, color_scheme="dark" if look_of == "dark" else "light")


@pytest.mark.parametrize(("name", "screen", "look_of"), [(name, *of) for name, of in PICTURES.items()], ids=PICTURES)
def test_a_picture_is_small_enough_to_be_kept(window, full, folder, name, screen, look_of):
    assert shown(window, _OF[screen], full) == 200
    folder.mkdir(parents=True, exist_ok=True)

    window.page.screenshot(path=folder / f"{name}.png")

    assert (folder / f"{name}.png").stat().st_size <= LARGEST_BYTES

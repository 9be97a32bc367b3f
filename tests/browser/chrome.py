"""Debian's Chromium as a person has it before them; whatever goes wrong in a page fails the test that looks at it."""

import contextlib
import os
import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, sync_playwright

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# What a control must have when the keyboard comes to it: an outline, a ring, or another look than before.
_LOOKS = """(e => { const s = getComputedStyle(e);
  return [s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0 ? s.outline : '', s.boxShadow, s.borderColor,
          s.backgroundColor, s.color, s.textDecorationLine].join('|') })"""
_LOOK = f"""() => {{ const e = document.activeElement; return e === document.body ? null : {{
  words: (e.textContent || e.value || e.getAttribute('aria-label') || e.name || '').trim(), id: e.id, tag: e.tagName,
  looks: {_LOOKS}(e) }} }}"""
_LOOK_WITHOUT = f"""() => {{ const e = document.activeElement; e.blur(); const looks = {_LOOKS}(e);
  e.focus({{focusVisible: true}}); return looks }}"""


@contextlib.contextmanager
def chromium():
    """The browser. Without one the test is skipped with the reason; under CI=true that is a failure."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        reason = "no browser: there is no chromium on the PATH (apt-get install chromium)"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page of one installation, and what it complained of: console errors, faults, dialogs, foreign requests."""

    def __init__(self, page: Page, url: str):
        self.page, self.url, self.faults = page, url, []
        page.set_default_timeout(15_000)
        page.on(
            "console",
            lambda said: self._say("console", f"{said.text} {said.location}", said.type in ("error", "warning")),
        )
        page.on("pageerror", lambda error: self._say("error", str(error)))
        page.on("dialog", self._dismiss)
        page.on("request", lambda asked: self._say("foreign request", asked.url, not self._is_ours(asked.url)))
        page.on("requestfailed", lambda asked: self._say("failed request", f"{asked.url} {asked.failure}",
                                                         asked.failure != "net::ERR_ABORTED"))  # fmt: skip

    def go(self, address):
        """The status of the page at this address."""
        return self.page.goto(self.url + address).status

    def tab_to(self, words, *, most=60):
        """Presses Tab until the keyboard is at the control of these words."""
        for _ in range(most):
            at = self.tab()
            if at and words in (at["words"], at["id"]):
                return
        raise AssertionError(f"{most} times Tab do not lead to {words!r}")

    def tab(self):
        """Presses Tab; the control where the keyboard is then, which must look otherwise for it. None: at none."""
        self.page.keyboard.press("Tab")
        at = self.page.evaluate(_LOOK)
        assert at is None or at["looks"] != self.page.evaluate(_LOOK_WITHOUT), f"the focus does not show at {at}"
        return at

    def told(self, allowed=()):
        """The complaints so far but those allowed, which are then forgotten."""
        found, self.faults[:] = [each for each in self.faults if not any(word in each for word in allowed)], []
        return found

    def _say(self, what, words, is_so=True):
        if is_so:
            self.faults.append(f"{what}: {words[:300]}")

    def _dismiss(self, dialog):
        self._say("dialog", dialog.message)
        dialog.dismiss()

    def _is_ours(self, url):
        return urlsplit(url).scheme in ("data", "blob") or url.startswith(self.url)

"""The walk of whoever is called: what is wrong, its cause, what a replay would do, the replay, its end, its record."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import sign_in, sign_up
from tests.processes.process import until
from tests.processes.product import a_message, a_sender

CUSTOMERS, EACH = 3, 2
ALL = CUSTOMERS * EACH


@pytest.fixture(scope="module")
def product(installation, tmp_path_factory):
    """Everything died of one mistake, which is mended when the file `mended` is there."""
    mended = tmp_path_factory.mktemp("walk") / "mended"
    with installation(REPLY_POLICY="tests.processes.policies.mendable", MENDED=str(mended)) as product:
        product.mended = mended
        product.web()
        product.worker()
        sign_up(product)
        senders = [a_sender() for _ in range(CUSTOMERS)]
        product.post_all([a_message(f"explode {n}", sender=sender) for sender in senders for n in range(EACH)])
        until(lambda: product.states() == {"dead": ALL}, "all have died")
        yield product


def test_what_died_is_found_understood_replayed_watched_and_on_record(product, look):
    window = look(product)
    page = window.page

    # What an alert tells of stands first of all, and leads to the cause.
    sign_in(window)
    expect(page.get_by_text(f"{ALL} dead letters of 1 cause to look at.")).to_be_visible()
    window.go("/admin/instagram_webhooks/incident/")
    until(lambda: page.reload() and page.get_by_text("of a new cause").count(), "the upkeep has raised the alert")
    page.get_by_role("link", name="of a new cause").first.click()
    expect(page.get_by_role("heading", name="Its newest dead letters")).to_be_visible()
    product.mended.touch()

    # From here on by keyboard alone.
    window.tab_to("Replay…")
    page.keyboard.press("Enter")
    expect(page.get_by_text("go back to work, oldest first")).to_be_visible()
    expect(page.get_by_role("heading", name=f"Replay {ALL} dead letters")).to_be_visible()
    window.tab_to("id_name")
    page.keyboard.type("mended")
    window.tab_to("id_reason")
    page.keyboard.type("the policy is mended")
    window.tab_to(f"Replay {ALL} dead letters")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Replay: mended")).to_be_visible()
    until(lambda: page.reload() and page.get_by_text("✓ done").count(), "the replay is done")
    expect(page.get_by_text(f"{ALL} of {ALL} have ended")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.get_by_text(f"{ALL} processed")).to_be_visible()
    assert product.states() == {"processed": ALL}

    window.tab_to("Audit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="replay_batch.started")).to_be_visible()
    expect(page.get_by_role("cell", name="replay_batch.done")).to_be_visible()
    expect(page.get_by_role("row", name="replay_batch.started").get_by_text("anna")).to_be_visible()
    assert window.told() == []

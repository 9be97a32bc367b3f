"""Every alert, error code and check has its paragraph, and no paragraph is of what there is no more."""

import re

import pytest

from audit.pages import runbook
from instagram_webhooks import errors
from instagram_webhooks.alarms.kinds import KINDS
from tests.admin.conftest import login  # noqa: F401 (a fixture)
from tests.admin.pages import inline_code, words
from tests.dead_letters.conftest import an_error, buried, graves  # noqa: F401 (fixtures)
from tests.processes.process import CHECKOUT

ROOMS = ("audit", "dead_letters", "instagram_webhooks", "webhooks_project")
OF_LETTERS = {"bug", "malformed_code"}  # dead_letters/bury.py, worker/outcomes.py


def of_the_tree(error=errors.WebhookError):
    """The codes of the tree that errors.py draws."""
    below = [each for each in error.__subclasses__() if each.__module__ == errors.__name__]
    return {error.code}.union(*(of_the_tree(each) for each in below))


def check_ids():
    sources = [path.read_text() for room in ROOMS for path in (CHECKOUT / room).rglob("*.py")]
    return {found for text in sources for found in re.findall(r'id="(\w+\.[EW]\d{3})"', text)}


def test_every_alert_error_code_and_check_has_one_paragraph_and_none_is_left_over():
    written = [code for part in runbook.parts() for entry in part.entries for code in entry.codes]

    assert sorted(written) == sorted(set(KINDS) | of_the_tree() | OF_LETTERS | check_ids())
    assert len(check_ids()) >= 4


@pytest.mark.parametrize(
    "entry",
    [
        "### `a`\n\n**means** x\n\n**do** y\n",
        "### `a`\n\n**means** x\n\n**safe** y\n\n**do** z\n\nAnd more.\n",
        "### a\n\n**means** x\n\n**safe** y\n\n**do** z\n",
    ],
)
def test_an_entry_that_lacks_something_or_is_of_no_code_is_refused(entry):
    with pytest.raises(runbook.Malformed):
        runbook.read(f"# Runbook\n\n## Alerts\n\n{entry}")


def test_what_is_written_is_shown_as_text_and_only_code_as_code():
    text = "## P\n\n### `a`\n\n**means** <b>x</b> `y < z` *It arrived* w\n\n**safe** s\n\n**do** d\n"
    ((entry,),) = [part.entries for part in runbook.read(text)]

    assert entry.shown[0] == ("What it means", "&lt;b&gt;x&lt;/b&gt; <code>y &lt; z</code> <em>It arrived</em> w")


@pytest.mark.django_db
def test_the_page_has_an_anchor_for_each_code_and_runs_no_code_of_its_own(login):  # noqa: F811
    page = login().get("/admin/runbook/", secure=True)
    html = page.content.decode()

    anchors = re.findall(r'id="([^"]+)"', html)
    assert {code for part in runbook.parts() for entry in part.entries for code in entry.codes} <= set(anchors)
    assert len(anchors) == len(set(anchors))
    assert inline_code(html) == []
    assert "What is safe" in words(page)


@pytest.mark.django_db
def test_the_page_is_for_those_who_are_logged_in(client):
    assert client.get("/admin/runbook/", secure=True).status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("of", ["deadletter", "cause"])
def test_a_letter_and_its_cause_show_the_paragraph_of_their_code(of, buried, login):  # noqa: F811
    letter = buried(error=an_error(code="graph_refused"))
    key = letter.pk if of == "deadletter" else letter.cause_id

    page = login(f"view_{of}").get(f"/admin/dead_letters/{of}/{key}/change/", secure=True)

    assert "Meta refused the call for good; the Graph code beside it says why." in words(page)


@pytest.mark.django_db
def test_a_code_that_a_policy_made_up_has_no_paragraph_and_breaks_no_page(buried, login):  # noqa: F811
    letter = buried(error=an_error(code="of_my_own"))

    page = login("view_deadletter").get(f"/admin/dead_letters/deadletter/{letter.pk}/change/", secure=True)

    assert page.status_code == 200
    assert "What is safe" not in words(page)

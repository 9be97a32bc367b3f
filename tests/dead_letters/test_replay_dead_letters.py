"""The command that replays dead letters: says what it did, and fails where it did not."""

import io

import pytest
from django.core.management import CommandError, call_command

from audit.ids import uuid7
from dead_letters import review

pytestmark = pytest.mark.django_db


def run(*words):
    out = io.StringIO()
    call_command("replay_dead_letters", *words, stdout=out)
    return out.getvalue()


def status_of(letter):
    letter.refresh_from_db()
    return letter.status


def test_letters_are_replayed_by_id(buried):
    letter, other = buried(), buried()

    out = run("--reason", "token renewed", "--id", str(letter.pk))

    assert f"{letter.pk}  replayed" in out
    assert (status_of(letter), status_of(other)) == ("replayed", "open")
    assert (letter.closed_by, letter.close_reason) == ("manage.py", "token renewed")


def test_letters_are_replayed_by_code(buried, error):
    letter, other = buried(error=error(code="graph_failed")), buried()

    run("--reason", "Meta is back", "--code", "graph_failed")

    assert (status_of(letter), status_of(other)) == ("replayed", "open")


def test_all_open_letters_are_replayed_and_closed_ones_are_not_named(buried):
    letter, closed = buried(), buried()
    review.discard([closed.pk], reason="r", actor="anna")

    out = run("--reason", "Meta is back", "--all")

    assert status_of(letter) == "replayed"
    assert str(closed.pk) not in out
    assert "1 replayed, 0 left." in out


def test_a_dry_run_names_the_letters_and_changes_nothing(buried):
    letter = buried()

    out = run("--reason", "r", "--all", "--dry-run")

    assert str(letter.pk) in out
    assert status_of(letter) == "open"


def test_an_empty_selection_is_an_error():
    with pytest.raises(CommandError, match="nothing was replayed") as failure:
        run("--reason", "r", "--code", "no_such_code")

    assert failure.value.returncode == 1


def test_an_item_that_was_left_is_named_with_the_reason_and_fails_the_command(buried, graves):
    letter, unknown = buried(), uuid7()
    graves.gone[letter.subject_id] = "its payload is gone"
    out = io.StringIO()

    with pytest.raises(CommandError, match="2 of 2 were not replayed"):
        call_command("replay_dead_letters", "--reason", "r", "--id", str(letter.pk), str(unknown), stdout=out)

    assert f"{letter.pk}  left: its payload is gone" in out.getvalue()
    assert f"{unknown}  left: there is no such dead letter" in out.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        ["--all"],
        ["--reason", "r"],
        ["--reason", " ", "--all"],
        ["--reason", "r", "--all", "--code", "c"],
        ["--reason", "r", "--id", "no-id"],
    ],
)
def test_wrong_usage_ends_with_exit_code_2(words, capsys):
    from django.core.management import ManagementUtility

    with pytest.raises(SystemExit) as end:
        ManagementUtility(["manage.py", "replay_dead_letters", *words]).execute()

    assert end.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_help_shows_an_example(capsys):
    from django.core.management import ManagementUtility

    with pytest.raises(SystemExit):
        ManagementUtility(["manage.py", "replay_dead_letters", "--help"]).execute()

    assert "Example: manage.py replay_dead_letters --reason" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--reason", " ", "--all"), "argument --reason: say why in 1 to 500 characters; it goes into the audit log"),
        (("--reason", "r" * 501, "--all"), "argument --reason: say why in 1 to 500 characters"),
        (("--reason", "r", "--id", "17"), "argument --id: the id of a dead letter is wanted, such as 01a2"),
    ],
)
def test_wrong_words_are_answered_with_what_is_wanted(words, said):
    with pytest.raises(CommandError, match=said):
        run(*words)

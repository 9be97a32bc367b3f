"""What the reply policy would say, from the command line."""

from dataclasses import replace

import pytest
from django.db import OperationalError

from instagram_webhooks import errors
from instagram_webhooks.replies.context import Reply, Silence
from tests.desk.shell import called, manage


def echoing(context):
    return f"re {context.text} ({', '.join(each.type for each in context.attachments)})"


def silent(context):
    return Silence("night_rest")


def mute(context):
    return None


def waiting(context):
    raise errors.PolicyOverBudget("Frau Meier")


def asking(context):
    raise OperationalError("Frau Meier")


def refusing(context):
    raise errors.Unreadable


def parking(context):
    raise errors.TokenRefused


def buggy(context):
    try:
        return {}["Frau Meier"]
    except KeyError as error:
        raise ValueError("Frau Meier") from error


def wrong(context):
    return 42


def wordless(context):
    return Reply(text=42)


async def later(context):
    return "soon"


def shouting(context):
    return Silence("Night Rest!")


def numbered(context):
    return Silence(7)


def wordy(context):
    return "é" * 501


@pytest.fixture
def policy(settings):
    def choose(name, **knobs):
        settings.WEBHOOKS = replace(settings.WEBHOOKS, reply_policy=f"{__name__}.{name}", **knobs)

    return choose


def test_context_and_answer_are_shown_without_a_database(policy):
    policy("echoing")

    out, _, code = called("try_policy", "When do you open?", "--attachment", "image", "audio", "--kind", "postback")

    assert code == 0
    assert "  re When do you open? (image, audio)\n" in out
    for line in (
        "kind: postback",
        "text: When do you open?",
        "attachments: ['image', 'audio']",
        "attempt: 1",
    ):
        assert f"  {line}\n" in out


def test_it_works_while_the_database_is_away():
    run = manage("try_policy", "hello", DATABASE_URL="postgresql://127.0.0.1:1/nothing", ACK_TEXT="Thanks a lot!")

    assert (run.returncode, run.stderr) == (0, "")
    assert "Thanks a lot!" in run.stdout


@pytest.mark.parametrize(("name", "said"), [("silent", "(silence: night_rest)"), ("mute", "(nothing)")])
def test_a_policy_that_says_nothing_is_shown_as_such(policy, name, said):
    policy(name)

    assert called("try_policy", "hello")[0].endswith(f"\n  {said}\n")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("waiting", "would be tried again"),
        ("asking", "raised OperationalError: the event would be tried again later"),
        ("refusing", "dead letter"),
        ("parking", "cannot park an account: the event would become a dead letter"),
        ("buggy", "ValueError at tests/desk/test_try_policy.py:"),
        ("wrong", "answers a Reply, a str, a Silence or None, not int. The event would become a dead letter."),
        ("wordless", "The text of a Reply is a str, not int."),
        ("later", "or None, not coroutine. Nobody awaits an async def: make it a plain def."),
        ("shouting", "The reason of a Silence is 1 to 32 characters of a-z, 0-9 and _."),
        ("numbered", "The reason of a Silence is 1 to 32 characters of a-z, 0-9 and _."),
        ("missing", "cannot be imported"),
    ],
)
def test_a_policy_that_fails_is_a_failure_that_says_what_it_means(policy, name, said):
    policy(name)

    _, sentence, code = called("try_policy", "hello")

    assert code == 1
    assert said in sentence
    assert "Meier" not in sentence


def test_a_developer_may_see_all_of_an_exception_and_nothing_else():
    run = manage("try_policy", "hello", "--traceback", REPLY_POLICY=f"{__name__}.buggy")

    assert run.returncode == 1
    assert "KeyError: 'Frau Meier'" in run.stderr
    assert "in buggy" in run.stderr
    assert "\nValueError: Frau Meier\nThe policy has a bug: ValueError at tests/desk/test_try_policy.py:" in run.stderr
    assert "commands/try_policy.py" not in run.stderr
    assert "process.crashed" not in run.stderr


def test_what_is_no_answer_is_told_with_a_traceback_asked_for_too():
    run = manage("try_policy", "hello", "--traceback", REPLY_POLICY=f"{__name__}.wrong")

    assert run.returncode == 1
    assert run.stderr.startswith("A reply policy answers a Reply, a str, a Silence or None, not int.")
    assert "process.crashed" not in run.stderr


def test_an_answer_that_is_too_long_for_meta_is_told_of(policy):
    policy("wordy")

    out, _, code = called("try_policy", "hello")

    assert code == 0
    assert "It is too long: 1002 bytes, and Meta takes 1000 (UTF-8) in an Instagram text." in out


def test_a_policy_over_its_budget_is_a_failure(policy):
    policy("mute", reply_policy_budget_s=0.0)

    assert "REPLY_POLICY_BUDGET_S" in called("try_policy", "hello")[1]


@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_it_says_where_the_answer_would_not_be_sent(policy, mode):
    policy("echoing", replies=mode)

    assert f"REPLIES is {mode}: nothing would be sent." in called("try_policy", "hello")[0]

"""What the system check says of a reply policy; a worker with such a policy does not start either."""

from dataclasses import replace

import pytest

from instagram_webhooks.checks import reply_policy


async def waiting(context):
    return None


class Waiting:
    async def __call__(self, context):
        return None


class Answering:
    def __call__(self, context):
        return None


waits, answers, text = Waiting(), Answering(), "hello"


@pytest.fixture
def found(settings):
    def found(path):
        settings.WEBHOOKS = replace(settings.WEBHOOKS, reply_policy=path)
        return [(each.id.rpartition(".")[2], each.msg) for each in reply_policy(None)]

    return found


@pytest.mark.parametrize("name", ["answers", "Answering"])
def test_what_can_be_called_passes(found, name):
    assert found(f"{__name__}.{name}") == []


@pytest.mark.parametrize(
    ("path", "error"),
    [("shop.answer", "ModuleNotFoundError"), (f"{__name__}.nothing", "ImportError"), ("nothing", "ImportError")],
)
def test_what_is_nowhere_is_an_error(found, path, error):
    assert found(path) == [("E001", f"The reply policy {path} cannot be imported ({error}).")]


@pytest.mark.parametrize(("source", "error"), [("def (", "SyntaxError"), ("1 / 0", "ZeroDivisionError")])
def test_a_module_that_cannot_be_read_is_an_error(found, tmp_path, monkeypatch, source, error):
    (tmp_path / "broken_shop.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    ((check, said),) = found("broken_shop.answer")

    assert (check, error in said) == ("E001", True)


def test_what_is_no_function_is_an_error(found):
    assert found(f"{__name__}.text") == [("E002", f"The reply policy {__name__}.text cannot be called.")]


@pytest.mark.parametrize("name", ["waiting", "waits"])
def test_an_async_function_is_an_error(found, name):
    assert found(f"{__name__}.{name}") == [
        ("E002", f"The reply policy {__name__}.{name} is async, and the workers await nothing.")
    ]

"""The settings: read together, judged together."""

import base64
import os

import pytest

from webhooks_project import environment

KEY = base64.b64encode(b"k" * 32).decode()
PRODUCTION = {
    "DJANGO_SECRET_KEY": "s" * 60,
    "DJANGO_ALLOWED_HOSTS": "hooks.example.org",
    "DATABASE_URL": "postgresql://db/x",
    "REDIS_URL": "redis://r/0",
    "ENCRYPTION_KEYS": f"k1:{KEY}",
    "LOOKUP_KEY": KEY,
    "INSTAGRAM_APP_SECRETS": "one,two",
    "INSTAGRAM_VERIFY_TOKEN": "word",
}


@pytest.fixture
def given(monkeypatch):
    """Sets the whole environment."""

    def replace(values):
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return replace


@pytest.fixture
def faults(given):
    def found(**changes):
        given(PRODUCTION | changes)
        with pytest.raises(environment.Misconfigured) as raised:
            environment.read()
        return raised.value.faults

    return found


def test_production_needs_no_more_than_the_secrets_and_addresses(given):
    given(PRODUCTION)

    values = environment.read()

    assert values["INSTAGRAM_APP_SECRETS"] == ("one", "two")
    assert values["ENCRYPTION_KEYS"] == {"k1": b"k" * 32}
    assert (values["WEBHOOK_RETRY_DELAYS_S"], values["WEBHOOK_MAX_ATTEMPTS"]) == ((60.0, 300.0, 900.0), 3)


def test_all_that_is_missing_is_named_at_once(given):
    given({})

    with pytest.raises(environment.Misconfigured) as raised:
        environment.read()

    required = [setting.name for setting in environment.SETTINGS if setting.default is environment.REQUIRED]
    assert all(name in str(raised.value) for name in required)


def test_development_needs_nothing(given):
    given({"DJANGO_DEBUG": "true"})

    assert environment.read()["LOG_FORMAT"] == "console"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("REPLIES", "perhaps"),
        ("WEBHOOK_KEY_MEMORY_DAYS", "7"),
        ("WEBHOOK_RETRY_DELAYS_S", "60,soon"),
        ("WEBHOOK_RETRY_DELAYS_S", "-1"),
        ("ENCRYPTION_KEYS", "k1:short"),
        ("ENCRYPTION_KEYS", f"k1:{KEY},k1:{KEY}"),
        ("ENCRYPTION_KEYS", f"Bad Id:{KEY}"),
        ("LOOKUP_KEY", "no base64 !"),
        ("WORKER_CONCURRENCY", "0"),
        ("WORKER_POOL", "gevent"),
        ("LOG_LEVEL", "LOUD"),
        ("GRAPH_DEADLINE_S", "80"),
        ("REPLY_SETTLE_S", "90"),
        ("INSTAGRAM_ACCOUNT_ID", "178"),
        ("FACEBOOK_APP_SECRETS", "x"),
    ],
)
def test_a_wrong_value_is_one_fault_that_names_the_setting(faults, name, value):
    found = faults(**{name: value})

    assert len(found) == 1
    assert name in found[0]


def test_several_wrong_values_are_all_named(faults):
    assert len(faults(PORT="x", REPLIES="x", LOOKUP_KEY="x")) == 3


def test_a_fault_never_quotes_a_secret(faults):
    assert "sesame" not in " ".join(faults(ENCRYPTION_KEYS="k1:sesame", LOOKUP_KEY="sesame"))


def test_a_secret_can_lie_in_a_file(given, tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    without = {name: value for name, value in PRODUCTION.items() if name != "LOOKUP_KEY"}
    given(without | {"LOOKUP_KEY_FILE": str(path)})

    assert environment.read()["LOOKUP_KEY"] == b"k" * 32


def test_a_file_that_cannot_be_read_is_a_fault(faults):
    assert "LOOKUP_KEY_FILE" in faults(LOOKUP_KEY_FILE="/no/such/file")[0]


@pytest.mark.parametrize("setting", environment.SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_meaning(setting):
    assert setting.meaning

"""The settings: read together, judged together."""

import base64

import pytest

from webhooks_project import environment
from webhooks_project.setting_rules import LEAST

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
    assert all(name in str(raised.value) for name in (*required, "INSTAGRAM_APP_SECRETS", "INSTAGRAM_VERIFY_TOKEN"))


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


@pytest.mark.parametrize(
    ("wrong", "clash"),
    [
        ({"PORT": "many"}, {"GRAPH_DEADLINE_S": "80"}),
        ({"DATABASE_URL": ""}, {"REPLY_SETTLE_S": "90"}),
        ({"LOOKUP_KEY": "x"}, {"INSTAGRAM_ACCOUNT_ID": "178"}),
        ({"ENCRYPTION_KEYS": ""}, {"FACEBOOK_VERIFY_TOKEN": "x"}),
        ({"REPLIES": "perhaps"}, {"METRICS_PORT": "8000"}),
        ({"REPLIES": "perhaps"}, {"INSTAGRAM_APP_SECRETS": ""}),
        ({"PORT": "many"}, {"ALERT_WEBHOOK_SECRET": f"whsec_{'c2Vz' * 8}"}),
    ],
)
def test_values_that_clash_are_named_beside_values_that_are_wrong(faults, wrong, clash):
    found = " ".join(faults(**wrong, **clash))

    assert all(name in found for name in (*wrong, *clash))


def test_a_wrong_value_clashes_with_nothing(faults):
    assert len(faults(WEBHOOK_LEASE_S="long", GRAPH_DEADLINE_S="80", REPLY_SETTLE_S="90")) == 1
    assert len(faults(INSTAGRAM_APP_SECRETS_FILE="/no/such/file", INSTAGRAM_APP_SECRETS="")) == 1


SAID = {
    "DJANGO_DEBUG": "must be true or false",
    "PORT": "must be a whole number from 1 to 65535 (where the web process listens)",
    "METRICS_PORT": "must be a whole number from 1 to 65535, or 0 for none",
    "REPLIES": "must be on, off or shadow",
    "WORKER_POOL": "must be threads or prefork",
    "WEBHOOK_LEASE_S": "must be a number, 1 or more",
    "WEBHOOK_SWEEP_INTERVAL_S": "must be a number, 0.1 or more",
    "WEBHOOK_KEY_MEMORY_DAYS": "must be a whole number, 8 or more",
    "WEBHOOK_RETRY_DELAYS_S": "needs one or more numbers of seconds, comma separated",
    "API_RATE": "must be a whole number, a slash and s, min, h or day, as in 600/min",
    "ENCRYPTION_KEYS": "needs id:base64 pairs, an id being 1-16 of a-z 0-9 _ -",
    "LOOKUP_KEY": "must be 32 bytes in base64",
}


@pytest.mark.parametrize("name", SAID)
def test_a_fault_says_what_is_wanted(faults, name):
    assert faults(**{name: "Sesame é"}) == [f"{name} {SAID[name]}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "1.5"),
        ("METRICS_PORT", "65536"),
        ("WEBHOOK_LEASE_S", "0"),
        ("WEBHOOK_LEASE_S", "inf"),
        ("WEBHOOK_RETRY_DELAYS_S", "1,nan"),
        ("WEBHOOK_RETRY_DELAYS_S", "inf"),
        ("API_RATE", "0/min"),
        ("API_RATE", "600"),
        ("API_RATE", "600/week"),
    ],
)
def test_a_number_out_of_its_range_is_told_the_range(faults, name, value):
    assert faults(**{name: value}) == [f"{name} {SAID[name]}"]


def test_a_fault_never_quotes_a_value(faults):
    given = {setting.name: "sésame://" for setting in environment.SETTINGS if setting.kind != "words"}

    found = " ".join(faults(**given, ALERT_EMAILS="sésame", DJANGO_ALLOWED_HOSTS="sésame/"))

    assert "PORT" in found
    assert "sésame" not in found
    assert "sésame" not in " ".join(faults(ENCRYPTION_KEYS=f"sesame:{KEY},sesame:{KEY}"))


def test_a_secret_can_lie_in_a_file(given, tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    without = {name: value for name, value in PRODUCTION.items() if name != "LOOKUP_KEY"}
    given(without | {"LOOKUP_KEY_FILE": str(path)})

    assert environment.read()["LOOKUP_KEY"] == b"k" * 32


@pytest.mark.parametrize("path", ["/no/such/file", "/", "/etc/passwd/x", "{not_text}"])
def test_a_file_that_cannot_be_read_is_a_fault(faults, tmp_path, path):
    not_text = tmp_path / "binary"
    not_text.write_bytes(b"\xff\xfe")

    found = faults(DATABASE_URL="", DATABASE_URL_FILE=path.format(not_text=not_text))

    assert found == ["DATABASE_URL_FILE names a file that cannot be read"]


def test_a_value_beside_a_file_is_a_fault(faults, tmp_path):
    path = tmp_path / "port"
    path.write_text("8001\n")

    assert faults(PORT="8000", PORT_FILE=str(path)) == ["PORT and PORT_FILE are both set: keep one"]


def test_an_empty_value_beside_a_file_counts_as_none(given, tmp_path):
    path = tmp_path / "port"
    path.write_text("8001\n")
    given(PRODUCTION | {"PORT": "", "PORT_FILE": str(path)})

    assert environment.read()["PORT"] == 8001


def test_the_port_may_be_left_to_the_system(given):
    given(PRODUCTION | {"PORT": "0"})

    assert environment.read()["PORT"] == 0


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("INSTAGRAM_APP_SECRET", "INSTAGRAM_APP_SECRETS"),
        ("INSTAGRAM_APP_SECRET_FILE", "INSTAGRAM_APP_SECRETS_FILE"),
        ("FACEBOOK_VERIFY_TOCKEN", "FACEBOOK_VERIFY_TOKEN"),
        ("WEBHOOK_LEASE", "WEBHOOK_LEASE_S"),
        ("ALERT_EMAIL", "ALERT_EMAILS"),
        ("WORKER_CONCURENCY", "WORKER_CONCURRENCY"),
        ("METRICS_TOKN", "METRICS_TOKEN"),
    ],
)
def test_a_misspelt_name_is_a_fault_that_says_what_was_meant(faults, written, meant):
    assert faults(**{written: "sesame"}) == [f"{written} is no setting: did you mean {meant}?"]


def test_names_of_others_are_let_be(given):
    others = (
        "INSTAGRAM_WEBHOOKS_DEMO", "INSTAGRAM_APP_ID", "WORKER_POOL_SIZE", "WORKER_PORT", "WEBHOOK_SERVICE_HOST",
        "GRAPH_DATABASE_URL", "POSTS", "HOSTNAME", "DATABASE_URLS",
    )  # fmt: skip
    given(PRODUCTION | dict.fromkeys(others, "x") | {"INSTAGRAM_APP_SECRET": ""})

    assert environment.read()


@pytest.mark.parametrize("setting", environment.SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_has_a_meaning(setting):
    assert setting.meaning


@pytest.mark.parametrize("setting", environment.SETTINGS, ids=lambda setting: setting.name)
def test_every_number_has_a_range(setting):
    assert setting.kind not in ("int", "float") or "PORT" in setting.name or setting.name in LEAST

"""Values that would only fail later, in the middle of something: each is a fault of the start."""

import pytest

from tests.test_environment import PRODUCTION
from webhooks_project import environment

WRONG = [
    ("DJANGO_ALLOWED_HOSTS", "https://hooks.example.org"),
    ("DJANGO_ALLOWED_HOSTS", "hooks.example.org/"),
    ("DJANGO_ALLOWED_HOSTS", "hooks.example.org:443"),
    ("DJANGO_ALLOWED_HOSTS", "one.example.org two.example.org"),
    ("DJANGO_ALLOWED_HOSTS", ","),
    ("DJANGO_SECRET_KEY", "s" * 49),
    *[(f"{which}DATABASE_URL", value) for which in ("", "MIGRATION_") for value in (
        "foo", "mysql://sesame", "sqlite:///x", "postgresql:sesame", "postgresql://db", "postgresql://u:se#same@db/x",
        "postgresql://[db/x", "postgresql://db:port/x",
    )],
    *[(name, value) for name in ("REDIS_URL", "CELERY_BROKER_URL") for value in (
        "r:6379", "http://r/0", "unix:///run/redis.sock", "redis://r:port/0", "redis://:se/same@r/0",
        "sentinel://a:26379;b:26379",
    )],
    ("REDIS_URL", "amqp://r"),
    ("CELERY_BROKER_URL", "sqs://"),
    ("GRAPH_API_VERSION", "25.0"),
    ("GRAPH_API_VERSION", "v25"),
    ("GRAPH_API_VERSION", "v25.0/"),
    *[(name, value) for name in ("GRAPH_API_URL", "ALERT_WEBHOOK_URL") for value in (
        "graph.example.org", "ftp://graph.example.org", "https:///path", "https://graph.example.org:port",
        "https://[graph", "https://two words.example.org",
    )],
    ("DESK_URL", "desk.example.org"),
    ("DESK_URL", "https://desk.example.org/admin/"),
    ("DESK_URL", "https://desk.example.org/?next=sesame"),
    ("ALERT_WEBHOOK_SECRET", "whsec_c2VzYW1l"),
    ("ALERT_WEBHOOK_SECRET", "whsec_sesame of some length, and no base64"),
    ("ALERT_WEBHOOK_SECRET", "c2VjcmV0IG9mIHRoZSBhbGVydHMnIHVybCAhIQ=="),
    ("ALERT_EMAILS", "ops"),
    ("ALERT_EMAILS", "ops@example.org,@example.org"),
    ("ALERT_EMAILS", "ops@example.org;you@example.org"),
    ("EMAIL_URL", "mail.example.org:25"),
    ("EMAIL_URL", "console://"),
    ("EMAIL_URL", "submission://"),
    ("EMAIL_URL", "smtp://u:sesame@mail.example.org:port"),
    ("EMAIL_URL", "smtp://mail.example.org/?timeout=soon"),
    ("HOST", "localhost"),
    ("HOST", "999.1.1.1"),
    ("HOST", "[::1]"),
    ("HOST", "fe80::1%eth0"),
    ("PROXY_SSL_HEADER", "X-Forwarded-Proto: https"),
    ("PROXY_SSL_HEADER", "HTTP_X_FORWARDED_PROTO"),
    ("METRICS_TOKEN", "sesame"),
    ("METRICS_TOKEN", "sesame sesame sesame"),
]  # fmt: skip
RIGHT = [
    ("DJANGO_ALLOWED_HOSTS", "hooks.example.org, .example.org,127.0.0.1,[::1],*"),
    ("DJANGO_SECRET_KEY", "s" * 50),
    ("DATABASE_URL", "postgres://127.0.0.1/x"),
    ("DATABASE_URL", "postgresql://user:p%23w@127.0.0.1:5433/x"),
    ("DATABASE_URL", "postgresql:///x?host=/run/postgresql&sslmode=disable"),
    ("DATABASE_URL", "postgresql://%2Frun%2Fpostgresql/x"),
    ("DATABASE_URL", "postgresql://?service=webhooks"),
    ("MIGRATION_DATABASE_URL", "postgresql://owner@[::1]:5432/x"),
    *[(name, value) for name in ("REDIS_URL", "CELERY_BROKER_URL") for value in (
        "redis://:pw@127.0.0.1:6379/0", "rediss://user:pw@r:6379/1?ssl_cert_reqs=required", "redis://",
        "redis+socket:///run/redis.sock", "sentinel://a:26379;sentinel://b:26379",
    )],
    ("CELERY_BROKER_URL", "amqp://user:pw@r:5672/vhost"),
    ("CELERY_BROKER_URL", "amqps://r"),
    ("CELERY_BROKER_URL", "pyamqp://r//"),
    ("GRAPH_API_VERSION", "v3.12"),
    ("GRAPH_API_URL", "http://127.0.0.1:4"),
    ("ALERT_WEBHOOK_URL", "https://chat.example.org/hooks/a?b=c"),
    ("DESK_URL", "https://desk.example.org/"),
    ("ALERT_EMAILS", "ops@example.org, you+me@localhost"),
    ("EMAIL_URL", "smtp://"),
    ("EMAIL_URL", "smtp://user%40example.org:pw@mail.example.org:25"),
    ("EMAIL_URL", "submission://user:pw@mail.example.org:587/?timeout=5"),
    ("HOST", "0.0.0.0"),
    ("HOST", "::"),
    ("PROXY_SSL_HEADER", "X-Forwarded-Proto"),
    ("PROXY_SSL_HEADER", "X_FORWARDED_PROTO"),
    ("METRICS_TOKEN", "sixteen-of-them!"),
]  # fmt: skip


@pytest.fixture
def read(given):
    """Reads the settings of an environment that holds these and no others."""

    def read(values):
        given(values)
        return environment.read()

    return read


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_a_wrong_shape_is_one_fault_that_does_not_quote_it(read, name, value):
    with pytest.raises(environment.Misconfigured) as raised:
        read(PRODUCTION | {name: value})

    (fault,) = raised.value.faults
    assert fault.startswith(f"{name} ")
    assert "sesame" not in fault


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_value_of_the_right_shape_is_taken(read, name, value):
    assert read(PRODUCTION | {name: value})[name]


def test_what_alerts_are_signed_with_is_read_as_the_bytes_that_it_stands_for(read):
    values = {"ALERT_WEBHOOK_URL": "https://chat.example.org", "ALERT_WEBHOOK_SECRET": f"whsec_{'c2Vz' * 8}"}

    assert read(PRODUCTION | values)["ALERT_WEBHOOK_SECRET"] == b"ses" * 8


def test_a_short_signing_key_will_do_for_development(read):
    assert read({"DJANGO_DEBUG": "true", "DJANGO_SECRET_KEY": "short"})["DJANGO_SECRET_KEY"] == "short"

"""
What addresses, names and the like must look like, for settings whose kind is only text.

Each check raises ValueError with words that may follow the name of the setting. They quote nothing of the
value, which may hold a password. No server is asked here: a start must not depend on one.
"""

import ipaddress
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import dj_email_url

REDIS_SCHEMES = ("redis", "rediss", "redis+socket", "sentinel")
BROKER_SCHEMES = (*REDIS_SCHEMES, "amqp", "amqps", "pyamqp")
MAIL_SCHEMES = ("smtp", "smtps", "submission", "submit")


def _url(value: str, schemes: Sequence[str], wanted: str) -> SplitResult:
    """The parts of a URL."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # judged only when it is asked for
    except ValueError:
        raise ValueError(
            "is no URL that can be read: the port must be a number, and special characters of a password stand as %xx"
        ) from None
    if parts.scheme not in schemes or not value[len(parts.scheme) :].startswith("://"):
        raise ValueError(wanted)
    return parts


def _database(value: str) -> None:
    wanted = "must be a postgresql:// URL with the name of a database: postgresql://user:password@host:port/name"
    parts = _url(value, ("postgresql", "postgres"), wanted)
    if not (parts.path.strip("/") or "service" in parse_qs(parts.query)):
        raise ValueError(wanted)


def _redis(value: str) -> None:
    for one in value.split(";"):  # as Kombu does: several sentinels, or servers that stand in for each other
        _url(one, REDIS_SCHEMES, "must be a redis:// or rediss:// URL (a socket: redis+socket:///path)")


def _broker(value: str) -> None:
    for one in value.split(";"):
        _url(one, BROKER_SCHEMES, "must be a redis://, rediss://, sentinel://, amqp:// or amqps:// URL")


def _http(value: str) -> None:
    wanted = "must be an http:// or https:// URL with a host"
    parts = _url(value, ("http", "https"), wanted)
    if not parts.hostname or re.search(r"\s", value):
        raise ValueError(wanted)


def _page(value: str) -> None:
    _http(value)
    parts = urlsplit(value)
    if parts.query or parts.fragment or parts.path.rstrip("/").endswith("/admin"):
        raise ValueError("must be where the service begins, without /admin and without a query: https://your.host")


def _mail_server(value: str) -> None:
    wanted = "must be a URL such as smtp://user:password@host:port, or submission://… for TLS"
    parts = _url(value, MAIL_SCHEMES, wanted)
    try:
        with warnings.catch_warnings(action="ignore"):
            dj_email_url.parse(value)
    except ValueError:
        raise ValueError(wanted) from None
    if not parts.hostname and parts.scheme != "smtp":  # which means this machine then
        raise ValueError(wanted)


def _mail_addresses(words: Sequence[str]) -> None:
    if not all(re.fullmatch(r"[^@]+@[^@]+", word) for word in words):
        raise ValueError("needs mail addresses, each with one @, comma separated")


def _host_names(words: Sequence[str]) -> None:
    """Django compares them with the host alone, so anything else would refuse every request."""
    if not words or not all(re.fullmatch(r"\[[^\s/]+\]|[^\s/:]+", word) for word in words):
        raise ValueError("needs host names alone, comma separated: no https://, no port, no path")


def _listens_at(value: str) -> None:
    """Granian looks up no names, and takes no zone of an address."""
    try:
        ipaddress.ip_address("" if "%" in value else value)
    except ValueError:
        raise ValueError("must be an IP address, such as 127.0.0.1, 0.0.0.0 or ::") from None


def _version(value: str) -> None:
    if not re.fullmatch(r"v[0-9]+\.[0-9]+", value):
        raise ValueError("must be v and two numbers, as in v25.0")


def _header(value: str) -> None:
    """HTTP_ is what Django puts before it; a header that is really called so is not known."""
    if not re.fullmatch(r"(?!HTTP_)[A-Za-z0-9_-]+", value):
        raise ValueError("must be the name of a header alone, as in X-Forwarded-Proto")


def _token(value: str) -> None:
    """It travels in a header, and nobody may guess it."""
    if not re.fullmatch(r"[!-~]{16,}", value):
        raise ValueError("must have 16 characters or more: letters, digits and signs, no spaces")


SHAPES: dict[str, Callable[[Any], None]] = {
    "DJANGO_ALLOWED_HOSTS": _host_names,
    "DATABASE_URL": _database,
    "MIGRATION_DATABASE_URL": _database,
    "REDIS_URL": _redis,
    "CELERY_BROKER_URL": _broker,
    "GRAPH_API_URL": _http,
    "GRAPH_API_VERSION": _version,
    "ALERT_WEBHOOK_URL": _http,
    "ALERT_EMAILS": _mail_addresses,
    "DESK_URL": _page,
    "EMAIL_URL": _mail_server,
    "HOST": _listens_at,
    "METRICS_TOKEN": _token,
    "PROXY_ADDRESS_HEADER": _header,
    "PROXY_SSL_HEADER": _header,
}

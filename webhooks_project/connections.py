"""How database, cache and broker are spoken to, by their URLs: none is waited for longer than can be borne."""

from typing import Any

import dj_database_url


def database(url: str) -> dict[str, Any]:
    """Django's database settings for a URL; no wait of a connection is longer than its callers can bear."""
    parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True))
    parsed["OPTIONS"] = parsed.get("OPTIONS", {}) | {
        "connect_timeout": 2,
        "keepalives_idle": 10,  # a server that vanished is noticed after 25 s, well within a lease
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "application_name": "instagram-webhooks",
        "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
    }
    return parsed


def cache(url: str) -> dict[str, Any]:
    """A cache that all processes share, where Django can speak to such a Redis; else one of each process."""
    if not url.startswith(("redis://", "rediss://")) or ";" in url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": url.replace("=CERT_", "=").replace("=NONE", "=none"),  # in Kombu's words and in redis-py's
        # Nobody waits for it: what is in it can be done without.
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }


def broker_transport_options(url: str) -> dict[str, Any]:
    """Kombu's options for a broker, by its scheme."""
    if not url.startswith(("redis", "rediss", "sentinel")):
        return {"confirm_publish": True}
    return {
        # A message is gone from Redis once a worker has it: a third of the cost, and what a
        # kill -9 then loses is a wake-up, which the sweep offers again.
        "ack_emulation": False,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 25,
    }

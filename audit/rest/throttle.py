"""How often one may ask: so many requests of a user in a span of time, counted for all web processes together."""

import logging
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

log = logging.getLogger(__name__)

AWAY_S = 5.0  # Redis is not asked again sooner, or each request would wait for it


class PerUser(BaseThrottle):
    """API_RATE for a user, API_RATE_UNKNOWN for an address whose token is none. With Redis away nobody is counted."""

    def allow_request(self, request: Request, _view: Any) -> bool:
        """Called by the framework."""
        user = request.user
        if user.is_authenticated:
            most, span_s = settings.API_RATE
            who = f"user {user.pk}"
        else:
            most, span_s = settings.API_RATE_UNKNOWN
            who = f"address {request.META.get('REMOTE_ADDR', '')}"  # what a header names may be invented
        now = time.time()
        self._wait_s = span_s - now % span_s
        return counter.count(f"{who} {now // span_s:.0f}", span_s) <= most

    def wait(self) -> float:
        """Seconds until the next span begins; at least 1, for a client that comes back at once."""
        return max(1.0, self._wait_s)


class Counter:
    """Counts in Redis; while it is away, nothing."""

    def __init__(self) -> None:
        self._away_until = 0.0

    def count(self, name: str, span_s: int) -> int:
        """How many have asked under this name by now, this one too; 0 where nobody can know."""
        if time.monotonic() < self._away_until:
            return 0
        key = f"api:{salted_hmac('audit.rest.throttle', name).hexdigest()}"
        try:
            cache.add(key, 0, timeout=2 * span_s)
            return cache.incr(key)
        except ValueError:  # gone between the two
            return 0
        except RedisError as exc:
            self._away_until = time.monotonic() + AWAY_S
            log.warning("throttle.away", extra={"error_class": type(exc).__name__})
            return 0


counter = Counter()

"""Telling ops of what began and ended: one message a minute for all of it, each way by itself."""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from instagram_webhooks.alarms import deliver, incidents, message
from instagram_webhooks.alarms.deliver import Channel, Undelivered, channels
from instagram_webhooks.alarms.incidents import Way
from instagram_webhooks.inbox import turn

log = logging.getLogger(__name__)

PAUSE_S = 60.0  # between two tries of one way, over all processes


def tell(ways: Sequence[Channel] | None = None, *, pause_s: float = PAUSE_S) -> int:
    """How many messages were delivered. A failed one is logged and tried again after the pause.

    Each way keeps its own account of what it told: one that is broken neither holds up nor repeats the other.
    """
    return sum(_tell(channel, pause_s) for channel in (channels() if ways is None else ways))


@dataclass(frozen=True, slots=True)
class Tried:
    """How one way took a test. failure: in words, "" where it was taken."""

    way: Way
    words: str
    failure: str


def try_all(*, actor: str) -> list[Tried]:
    """Sends a test every way that is set."""
    body = f"{actor} has sent it from the admin. Nothing is wrong.\nAlerts: {message.link(message.LIST)}"
    test = message.Message(f"msg_{uuid.uuid4().hex}", "Test alert", body)
    return [_try(channel, test) for channel in channels()]


def _try(channel: Channel, test: message.Message) -> Tried:
    try:
        deliver.in_time(channel, test)
    except Undelivered as exc:
        return Tried(channel.way, channel.words, str(exc))
    return Tried(channel.way, channel.words, "")


def _tell(channel: Channel, pause_s: float) -> bool:
    if not incidents.untold(channel.way) or not turn.take(pause_s, f"alert_{channel.way}"):
        return False
    news = incidents.untold(channel.way)  # what another process told while this one waited for its turn is not among it
    if not news:
        return False
    incidents.tried(news)
    try:
        deliver.in_time(channel, message.of(news))
    except Exception as exc:  # noqa: BLE001 (whatever it was, the next try is due anyway, and the other way too)
        error_class = type(exc.__context__ or exc).__name__
        log.warning("alert.failed", extra={"count": len(news), "channel": channel.way, "error_class": error_class})
        return False
    incidents.told(channel.way, news)
    log.info("alert.sent", extra={"count": len(news), "channel": channel.way})
    return True

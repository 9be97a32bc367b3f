"""Waiting for the first real message of an account, with a word about what else arrives meanwhile."""

import time
from collections.abc import Callable
from datetime import datetime

from django.db import connection

from instagram_webhooks.models import WebhookEvent
from instagram_webhooks.states import ENDED, EventState

LOOK_EVERY_S = 0.5
LOOKED_AT = 200
# What a person does; receipts and echoes come by themselves.
BY_PEOPLE = ("message", "postback", "comment", "live_comment", "mention", "reaction", "referral", "optin")
NOTHING_CAME = (
    "The usual reasons: the app is not Live; the writer has no role in the app and it lacks Advanced Access; "
    "the message lies in the message requests; access for connected tools is off in the Instagram app "
    "(Settings > Messages); the callback address is not verified; or the app secret is wrong (the log then "
    "says webhook.rejected)."
)


def database_now() -> datetime:
    """The database's clock, by which arrivals are stamped."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def first_message(
    account_id: str,
    *,
    since: datetime,
    wait_s: float,
    say: Callable[[str], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> WebhookEvent | None:
    """The first message of this account after `since`, once its work has ended or the time is up.

    None where none came in time. `say` is told, once each, what else came that explains something.
    """
    deadline, told = clock() + wait_s, set[str]()
    while True:
        arrived = WebhookEvent.objects.filter(provider="instagram", received_at__gte=since)
        events = list(arrived.order_by("received_at", "event_id")[:LOOKED_AT])
        found = next((event for event in events if _is_it(event, account_id)), None)
        if found is not None and found.state in (*ENDED, EventState.PARKED, EventState.RETRYING):
            return found
        for hint in [hint for event in events if (hint := _hint(event, account_id))]:
            if hint not in told:
                told.add(hint)
                say(hint)
        if clock() >= deadline:
            return found
        sleep(min(LOOK_EVERY_S, max(0.0, deadline - clock())))


def _is_it(event: WebhookEvent, account_id: str) -> bool:
    return event.account == account_id and event.kind in BY_PEOPLE and event.reason != "test"


def _hint(event: WebhookEvent, account_id: str) -> str:
    if event.reason == "test":
        return "Meta's test button reached us: the way in works. Now write a real message."
    if event.state == EventState.PARKED and event.account != account_id:
        return (
            f"An event came for account {event.account}, which is not connected. If that is the account "
            f"you wrote to, connect it: --account-id {event.account}."
        )
    return ""

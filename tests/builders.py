"""Rows and settings for tests: only the telling fields are spelled."""

import dataclasses
import json
import time
from contextlib import contextmanager

from django.conf import settings
from django.test import override_settings

from instagram_webhooks import providers
from instagram_webhooks.inbox.accept import accept
from instagram_webhooks.models import Account, WebhookEvent

ACCOUNT = "17841400000000042"
TOKEN = "IGTEST-a-token"
PERSON = "6120000000000042"


@contextmanager
def knobs(**changes):
    """The settings of the trade with some of them changed."""
    with override_settings(WEBHOOKS=dataclasses.replace(settings.WEBHOOKS, **changes)):
        yield


def an_account(**telling):
    account = Account(**{"provider": "instagram", "account_id": ACCOUNT, "label": "@shop"} | telling)
    account.set_token(TOKEN)
    account.save()
    return account


def now_ms():
    return int(time.time() * 1000)


def an_item(sender=PERSON, recipient=ACCOUNT, timestamp=None, **what):
    return {
        "sender": {"id": sender},
        "recipient": {"id": recipient},
        "timestamp": timestamp or now_ms(),
        **what,
    }


def a_message(mid="m-1", text="hello", **more):
    """An item of a customer's message."""
    extra = more.pop("message", {})
    return an_item(message={"mid": mid, "text": text, **extra}, **more)


def an_echo(mid, text="hello", partner=PERSON, **more):
    return an_item(sender=ACCOUNT, recipient=partner, message={"mid": mid, "text": text, "is_echo": True}, **more)


def a_body(*items, account=ACCOUNT, lane="messaging"):
    return json.dumps({"object": "instagram", "entry": [{"id": account, "time": now_ms(), lane: list(items)}]}).encode()


def stored(*items, correlation_id="request-1", **more):
    """The events of one POST, stored as the door stores them; the rows in their order."""
    results = accept("instagram", providers.split("instagram", a_body(*items, **more)), correlation_id)
    rows = WebhookEvent.objects.in_bulk([result.event_id for result in results])
    return [rows[result.event_id] for result in results]

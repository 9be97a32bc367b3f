"""How ops are reached: by mail to ALERT_EMAILS, and by a signed POST to ALERT_WEBHOOK_URL."""

import base64
import hashlib
import hmac
import json
import smtplib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import mail_admins

from instagram_webhooks.alarms.incidents import Way
from instagram_webhooks.alarms.message import Message

_TIMEOUT_S = 5
LONGEST_S = 10.0
TO_THE_LOG = "django.core.mail.backends.console.EmailBackend"


class Undelivered(Exception):
    """A message was not taken; the words say why, and never quote the address, which is a secret of its chat."""


_under_way: dict[Way, threading.Thread] = {}


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to ops. words: what it is, for people. send: raises Undelivered."""

    way: Way
    words: str
    send: Callable[[Message], None]


def channels() -> list[Channel]:
    """Those that are set; none where nobody is to be told."""
    found = []
    if settings.ADMINS:
        count = len(settings.ADMINS)
        words = f"E-mail to {count} address{'' if count == 1 else 'es'}"
        if settings.EMAIL_BACKEND == TO_THE_LOG:
            words += " (no EMAIL_URL is set, so mails go to the log)"
        found.append(Channel("mail", words, mail))
    if settings.ALERT_WEBHOOK_URL:
        found.append(Channel("post", "The webhook", post))
    return found


def in_time(channel: Channel, message: Message, *, within_s: float = LONGEST_S) -> None:
    """Sends it, and waits no longer than that. Raises what the channel raises, and Undelivered where it hangs.

    In a thread, since time-outs of sockets count from byte to byte: whoever drips would hold up the upkeep, and with it
    the rescue of what dead workers had. What is delivered in the end all the same is told once more.
    """
    before = _under_way.get(channel.way)
    if before is not None and before.is_alive():
        raise Undelivered("an earlier message hangs in it still")
    outcome: list[BaseException | None] = []

    def send() -> None:
        try:
            channel.send(message)
            outcome.append(None)
        except BaseException as exc:  # noqa: BLE001 (raised below)
            outcome.append(exc)

    thread = _under_way[channel.way] = threading.Thread(target=send, name="alert", daemon=True)
    thread.start()
    thread.join(within_s)
    if not outcome:
        raise Undelivered(f"it took longer than {within_s:g} s")
    if outcome[0] is not None:
        raise outcome[0]


def mail(message: Message) -> None:
    """Sends it to all ALERT_EMAILS."""
    try:
        mail_admins(message.subject, message.body, fail_silently=False)
    except (OSError, smtplib.SMTPException, ValueError) as exc:
        raise Undelivered(f"the mail server did not take it ({type(exc).__name__})") from None


def post(message: Message) -> None:
    """Posts it as `{"text": …}`, which Slack and those like it show."""
    import requests  # a hundred modules in every process, for what most never send

    body = json.dumps({"text": f"{message.subject}\n{message.body}"}).encode()
    headers = {"Content-Type": "application/json"} | signed(message.message_id, body)
    # It must not follow a redirect, and no error that quotes the address is passed on. Only the status is read.
    try:
        with requests.post(
            settings.ALERT_WEBHOOK_URL,
            data=body,
            headers=headers,
            timeout=_TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status, is_taken = answer.status_code, answer.ok and not answer.is_redirect
    except (requests.RequestException, OSError, ValueError) as exc:
        raise Undelivered(f"nothing answered at its address ({type(exc).__name__})") from None
    if not is_taken:
        raise Undelivered(f"its address answered {status}")


def signed(message_id: str, body: bytes) -> dict[str, str]:
    """The headers of the Standard Webhooks scheme, where there is a secret to sign with."""
    secret: bytes = settings.ALERT_WEBHOOK_SECRET
    if not secret:
        return {}
    at = str(int(time.time()))
    digest = hmac.digest(secret, f"{message_id}.{at}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": message_id, "webhook-timestamp": at, "webhook-signature": signature}

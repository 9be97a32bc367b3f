"""What the reply policy would say, without a message, a database or Meta."""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from itertools import takewhile
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from audit.frames import frames_of
from audit.ids import uuid7
from instagram_webhooks.conf import REPLY_WINDOW_S, conf
from instagram_webhooks.desk.command import DeskCommand
from instagram_webhooks.errors import Parked, Retryable, WebhookError
from instagram_webhooks.events import Attachment
from instagram_webhooks.replies.context import Policy, Reply, ReplyContext, Silence
from instagram_webhooks.replies.policy import policy_at, understood
from instagram_webhooks.vault import conversation_id

# Invented, of the form that Meta's ids have.
ACCOUNT, SENDER = "17841400000000000", "1000000000000001"


class Command(DeskCommand):
    help = "Show what REPLY_POLICY is told of a message and what it answers; nothing is sent or stored."
    example = '"When do you open?" --attachment image'

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("text", metavar="TEXT", help="what a customer writes")
        parser.add_argument("--kind", default="message", choices=("message", "postback"), help="default: %(default)s")
        parser.add_argument("--attachment", nargs="+", default=[], metavar="TYPE", help="image, video, audio, …")

    def handle(self, *_: Any, **options: Any) -> None:
        """Prints the context and the answer; exit code 1 where the policy fails."""
        context = _context(options["text"], options["kind"], options["attachment"])
        self.stdout.write(f"{conf().reply_policy} is told:")
        for line in _lines(context):
            self.stdout.write(f"  {line}")
        answer, took_s = _asked(_policy(), context)
        self.stdout.write(f"It answers, after {took_s:.3f} s:\n  {_said(answer)}")
        if took_s > conf().reply_policy_budget_s:
            raise CommandError("That is over REPLY_POLICY_BUDGET_S: the attempt would fail and be repeated.")
        if answer is not None and conf().replies != "on":
            self.stdout.write(f"REPLIES is {conf().replies}: nothing would be sent.")


def _policy() -> Policy:
    try:
        return policy_at(conf().reply_policy)
    except ImportError as exc:
        raise CommandError("The policy cannot be imported: set REPLY_POLICY to a function's path.") from exc


def _asked(policy: Policy, context: ReplyContext) -> tuple[Reply | Silence | None, float]:
    begun = time.monotonic()
    try:
        answer = understood(policy(context))
    except Exception as exc:
        raise CommandError(_failure(exc)) from exc
    return answer, time.monotonic() - begun


def _context(text: str, kind: str, attachments: list[str]) -> ReplyContext:
    """What a first message of a new conversation would tell, to an account that was never paused."""
    account, now = conf().first_account_id or ACCOUNT, timezone.now()
    return ReplyContext(
        event_id=uuid7(),
        provider="instagram",
        kind=kind,
        account_id=account,
        sender_id=SENDER,
        conversation_id=conversation_id("instagram", account, SENDER),
        text=text,
        attachments=tuple(Attachment(type=each) for each in attachments),
        quick_reply=None,
        happened_at=now,
        reply_deadline=now + timedelta(seconds=REPLY_WINDOW_S),
        last_reply_at=None,
        last_human_at=None,
        attempt=1,
        time_left_s=conf().reply_policy_budget_s,
        history=lambda _count: [],
    )


def _lines(context: ReplyContext) -> Iterator[str]:
    for name in (field.name for field in fields(context)):
        value = [] if name == "history" else getattr(context, name)
        if name == "attachments":
            value = [f"{each.type} {each.url}".strip() for each in context.attachments]
        yield f"{name + '(n)' if name == 'history' else name}: {value}"


def _said(answer: Reply | Silence | None) -> str:
    if isinstance(answer, Reply):
        return answer.text
    return f"(silence: {answer.reason})" if answer else "(nothing)"


def _failure(exc: Exception) -> str:
    """What it would mean for an event; without the words of the exception, which may quote the message."""
    name = type(exc).__name__
    if isinstance(exc, Retryable):
        return f"The policy raised {name}: the event would be tried again later."
    if isinstance(exc, Parked):
        return f"The policy raised {name}: the event would be parked until its account is put right."
    if isinstance(exc, WebhookError):
        return f"The policy raised {name}: the event would become a dead letter."
    *_, where = takewhile(lambda frame: not frame.startswith("from "), frames_of(exc))
    return f"The policy has a bug: {name} at {where}; the event would become a dead letter (see --traceback)."

"""What the reply policy would say, without a message, a database or Meta."""

import inspect
import time
import traceback
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from itertools import takewhile
from typing import Any

from django.core.management.base import CommandError
from django.db import Error
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
# "Send messages" of Meta's Instagram platform, read 2026-03: bytes of UTF-8, where Messenger counts characters.
LONGEST_TEXT_BYTES = 1000


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
        answer, took_s = self._asked(_policy(), context, in_full=options["traceback"])
        self.stdout.write(f"It answers, after {took_s:.3f} s:\n  {_said(answer)}")
        if isinstance(answer, Reply) and (length := _bytes(answer.text)) > LONGEST_TEXT_BYTES:
            self.stdout.write(
                f"It is too long: {length} bytes, and Meta takes {LONGEST_TEXT_BYTES} (UTF-8) in an Instagram text. "
                "Meta would refuse it, and the event would become a dead letter."
            )
        if took_s > conf().reply_policy_budget_s:
            raise CommandError("That is over REPLY_POLICY_BUDGET_S: the attempt would fail and be repeated.")
        if answer is not None and conf().replies != "on":
            self.stdout.write(f"REPLIES is {conf().replies}: nothing would be sent.")

    def _asked(self, policy: Policy, context: ReplyContext, *, in_full: bool) -> tuple[Reply | Silence | None, float]:
        """The answer, and how long it took; ends the command where it is none, or the policy raises."""
        begun = time.monotonic()
        try:
            given = policy(context)
        except Exception as exc:
            meaning = _failure(exc)
            if in_full:
                own = exc.with_traceback(exc.__traceback__ and exc.__traceback__.tb_next)  # without this file's frame
                self.stderr.write("".join(traceback.format_exception(own)))
            raise self._failed(meaning, in_full=in_full) from exc
        took_s = time.monotonic() - begun
        try:
            return understood(given), took_s
        except (TypeError, ValueError) as exc:
            # These are sentences of ours, on types and forms; those of a policy's own errors may quote a message.
            said = f"{exc}{_hint(given)} The event would become a dead letter."
            raise self._failed(said, in_full=in_full) from exc

    def _failed(self, sentence: str, *, in_full: bool) -> CommandError | SystemExit:
        """The end of the command, with exit code 1. With --traceback Django would leave the sentence unsaid."""
        if not in_full:
            return CommandError(sentence)
        self.stderr.write(sentence)
        return SystemExit(1)


def _hint(given: object) -> str:
    if not inspect.iscoroutine(given):
        return ""
    given.close()  # or Python warns of it as well
    return " Nobody awaits an async def: make it a plain def."


def _policy() -> Policy:
    try:
        return policy_at(conf().reply_policy)
    except ImportError as exc:
        raise CommandError("The policy cannot be imported: set REPLY_POLICY to a function's path.") from exc


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


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
    if isinstance(exc, Retryable | Error):  # the worker makes PolicyStoreFailed of a database's
        return f"The policy raised {name}: the event would be tried again later."
    if isinstance(exc, Parked):
        return f"The policy raised {name}, but it cannot park an account: the event would become a dead letter."
    if isinstance(exc, WebhookError):
        return f"The policy raised {name}: the event would become a dead letter."
    *_, where = takewhile(lambda frame: not frame.startswith("from "), frames_of(exc))
    return f"The policy has a bug: {name} at {where}; the event would become a dead letter (see --traceback)."

"""Log-ins: how many wrong ones are borne (django-axes counts them), and what of them is audited."""

from collections.abc import Mapping
from typing import Any

from axes.signals import user_locked_out
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.crypto import salted_hmac

from audit.log import record
from instagram_webhooks.inbox import turn

TOLD_EVERY_S = 300.0


def known_as(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """What wrong log-ins are counted under: the name of a user, or a digest of what was typed as one.

    Somebody's password may have been typed there. The digest is counted and locked out just as a name is, or it
    could be told from outside which names there are.
    """
    typed = str((credentials or request.POST).get("username") or "")
    if get_user_model().objects.filter(username=typed).exists():
        return typed
    return f"unknown {salted_hmac('log-in', typed).hexdigest()[:32]}"


def locked_out(request: HttpRequest, _answer: HttpResponse | None, _credentials: object) -> HttpResponse:
    """The answer to a log-in after too many wrong ones."""
    about = {**admin.site.each_context(request), "title": "Too many wrong log-ins"}
    return render(request, "instagram_webhooks/locked_out.html", about, status=429)


@receiver(user_logged_in)
def _audit_in(*, user: Any, **_: object) -> None:
    record("person.logged_in", subject_id=None, actor=user.get_username())


@receiver(user_logged_out)
def _audit_out(*, user: Any, **_: object) -> None:
    if user is not None:
        record("person.logged_out", subject_id=None, actor=user.get_username())


@receiver(user_locked_out)
def _audit_lock(*, username: str, **_: object) -> None:
    """Of users only, since anybody can be refused under any name, and once in a while: it is told of every refusal."""
    user = get_user_model().objects.filter(username=username).first()
    if user is not None and turn.take(TOLD_EVERY_S, f"lock {user.pk}"):
        record("person.locked_out", subject_id=None, detail={"user_id": user.pk})

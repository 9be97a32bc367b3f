"""Who must show more than a password, and with what: codes of an app, and codes on paper for the day it is lost."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django_otp import login
from django_otp.models import Device
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.log import record

RECOVERY_CODES = 8  # of eight letters each
APP_DIGITS = 6
APP, PAPER = "app", "recovery_codes"
# Opens what customers wrote, although it begins like the rights that only look at ids and times.
OPENS_WORDS = "view_payload"


class CodeRefused(ValueError):
    """This code is not right, or was used before, or came too soon after a wrong one: wait for the next and type it."""


def is_required(user: Any) -> bool:
    """Whether this person must show a second factor: whoever may do more than look at ids, times and codes."""
    if settings.SECOND_FACTOR == "off":
        return False
    return settings.SECOND_FACTOR == "all" or user.is_superuser or any(map(_acts, user.get_all_permissions()))


def _acts(permission: str) -> bool:
    name = permission.partition(".")[2]
    return name == OPENS_WORDS or not name.startswith("view_")


def is_missing(request: HttpRequest) -> bool:
    """Whether the person behind a request must show one and has not yet."""
    user: Any = request.user
    return is_required(user) and not user.is_verified()


def is_enrolled(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether this person has an app that was shown to work."""
    return bool(TOTPDevice.objects.devices_for_user(user, confirmed=True).exists())


def offered(user: AbstractBaseUser | AnonymousUser) -> TOTPDevice:
    """The key that an app is to be given; the same one until it is confirmed, so that a reload costs no second scan."""
    with transaction.atomic():
        _lock(user)
        waiting: TOTPDevice | None = TOTPDevice.objects.filter(user=user.pk, confirmed=False).first()
        return waiting or TOTPDevice.objects.create(user=user, confirmed=False, name=APP)


def _lock(user: AbstractBaseUser | AnonymousUser) -> None:
    """One at a time for a person: no constraint of django-otp's keeps two devices apart."""
    get_user_model().objects.select_for_update().get(pk=user.pk)  # type: ignore[misc]


def enrol(request: HttpRequest, code: str) -> list[str]:
    """Confirms the app whose code this is; recovery codes, shown this once. Raises CodeRefused.

    Of two at once, one: a person who has an app already is given no second one here.
    """
    with transaction.atomic():
        _lock(request.user)
        waiting = TOTPDevice.objects.filter(user=request.user.pk, confirmed=False).first()
        is_right = waiting is not None and not is_enrolled(request.user) and waiting.verify_token(code)
        codes = _confirm(request, waiting) if waiting and is_right else []
    if not is_right:  # said outside: a wrong code is counted, so that nobody tries them all
        raise CodeRefused(CodeRefused.__doc__)
    _verified(request, waiting)
    return codes


def show(request: HttpRequest, code: str) -> None:
    """Takes a code of the app, or one of those on paper, which then is used up. Raises CodeRefused."""
    model, name = (TOTPDevice, APP) if len(code) == APP_DIGITS else (StaticDevice, PAPER)
    with transaction.atomic():
        device = model.objects.select_for_update().filter(user=request.user.pk, confirmed=True).first()
        is_right = device is not None and device.verify_token(code)
        if is_right:
            _record(request, "shown", name)
    if not is_right:
        raise CodeRefused(CodeRefused.__doc__)
    _verified(request, device)


def forget(user: AbstractBaseUser) -> int:
    """Takes all devices of a person away, who then enrols anew; how many there were. In the caller's transaction."""
    return sum(model.objects.filter(user=user.pk).delete()[0] for model in (TOTPDevice, StaticDevice))


def _confirm(request: HttpRequest, device: TOTPDevice) -> list[str]:
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    paper = StaticDevice.objects.create(user=request.user, name=PAPER)
    codes = [StaticToken.random_token() for _ in range(RECOVERY_CODES)]
    StaticToken.objects.bulk_create([StaticToken(device=paper, token=code) for code in codes])
    _record(request, "enrolled", APP)
    return codes


def _verified(request: HttpRequest, device: Device) -> None:
    request.session.cycle_key()  # what knew the session before the second factor knows it no longer
    login(request, device)


def _record(request: HttpRequest, what: str, device: str) -> None:
    record(f"second_factor.{what}", subject_id=None, actor=request.user.get_username(), detail={"kind": device})

"""Two tabs of one person, both before there is a key."""

from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.models import User
from django.db import connection
from django_otp.plugins.otp_totp.models import TOTPDevice

from instagram_webhooks.desk.people import second_factor


def test_two_tabs_at_once_are_offered_one_key_and_enrol_once(own_database, settings):
    settings.SECOND_FACTOR = "operators"
    user = User.objects.create_superuser("anna")
    with ThreadPoolExecutor(4) as pool:
        keys = {device.key for device in pool.map(lambda _: in_own_connection(second_factor.offered, user), range(8))}

    assert len(keys) == 1
    assert TOTPDevice.objects.count() == 1


def in_own_connection(act, *given):
    try:
        return act(*given)
    finally:
        connection.close()

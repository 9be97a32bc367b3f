"""The second factor: who must show it, how it is given to an app, and what lets nobody in."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.models import AuditEntry
from instagram_webhooks.desk.people import second_factor
from tests.admin.pages import inline_code, words

pytestmark = pytest.mark.django_db
INDEX, PAGE, LOGIN = "/admin/", "/admin/second-factor/", "/admin/login/"


@pytest.fixture(autouse=True)
def _required(settings):
    settings.SECOND_FACTOR = "operators"


@pytest.fixture
def anna(client):
    """An operator who has shown her password."""
    user = User.objects.create_user("anna", password="correct horse", is_staff=True)
    user.groups.add(Group.objects.get(name="operator"))
    client.force_login(user)
    return user


def code_of(user, *, later_s=0):
    device = TOTPDevice.objects.get(user=user)
    totp = TOTP(device.bin_key)
    totp.time = timezone.now().timestamp() + later_s
    return f"{totp.token():06d}"


def give(client, code, **more):
    return client.post(PAGE, {"code": code, **more}, secure=True)


def come_back(client, user):
    client.logout()
    client.force_login(user)


def enrolled(client, user):
    client.get(PAGE, secure=True)
    return re.findall(r'whole">([a-z2-7]{8})<', give(client, code_of(user)).content.decode())


def test_an_operator_with_only_a_password_is_asked_for_the_second_factor_and_comes_where_she_was_going(client, anna):
    wanted = "/admin/dead_letters/cause/"

    asked = client.get(wanted, secure=True, follow=True)

    assert asked.request["PATH_INFO"] == PAGE
    assert inline_code(asked.content.decode()) == []
    client.get(PAGE, secure=True)
    answer = give(client, code_of(anna), next=wanted)
    assert f'href="{wanted}"' in answer.content.decode()
    assert client.get(wanted, secure=True).status_code == 200


def test_no_page_and_no_act_opens_before_it(client, anna):
    for address in (INDEX, "/admin/dead_letters/deadletter/", "/admin/dead_letters/deadletter/act/replay/"):
        assert client.get(address, secure=True).status_code == 302, address
        assert client.post(address, {"reason": "x"}, secure=True).status_code == 302, address


def test_recovery_codes_are_shown_once_and_each_opens_once(client, anna):
    codes = enrolled(client, anna)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    come_back(client, anna)

    assert give(client, codes[0]).status_code == 302
    assert client.get(INDEX, secure=True).status_code == 200

    come_back(client, anna)
    assert "is not right" in words(give(client, codes[0]))
    assert client.get(INDEX, secure=True).status_code == 302
    assert StaticToken.objects.count() == second_factor.RECOVERY_CODES - 1


def test_a_code_that_was_used_opens_nothing_and_the_next_one_does(client, anna):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        enrolled(client, anna)
        used = code_of(anna)
        come_back(client, anna)

        assert give(client, used).status_code == 200
        clock.shift(timedelta(seconds=31))
        assert give(client, code_of(anna)).status_code == 302


def test_a_wrong_code_makes_even_the_right_one_wait(client, anna):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        enrolled(client, anna)
        come_back(client, anna)
        clock.shift(timedelta(seconds=31))

        assert "is not right" in words(give(client, "000000"))
        assert give(client, code_of(anna)).status_code == 200
        clock.shift(timedelta(seconds=2))
        assert give(client, code_of(anna)).status_code == 302


def test_who_has_an_app_is_given_no_second_key_by_a_password_alone(client, anna):
    enrolled(client, anna)
    come_back(client, anna)

    page = client.get(PAGE, secure=True)

    assert "key" not in page.context
    assert TOTPDevice.objects.count() == 1


def test_a_reload_shows_the_same_key(client, anna):
    one, other = (client.get(PAGE, secure=True).context["key"] for _ in range(2))

    assert one == other


def test_who_may_only_look_needs_none_unless_all_must(client, settings):
    user = User.objects.create_user("vera", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    client.force_login(user)

    assert client.get(INDEX, secure=True).status_code == 200
    settings.SECOND_FACTOR = "all"
    assert client.get(INDEX, secure=True).status_code == 302


@pytest.mark.parametrize(
    ("role", "must"),
    [("viewer", False), ("support", True), ("operator", True), ("auditor", False), ("administrator", True)],
)
def test_each_role_must_show_what_it_can_do_harm_without(role, must):
    user = User.objects.create_user("anna", is_staff=True)
    user.groups.add(Group.objects.get(name=role))

    assert second_factor.is_required(user) is must


def test_the_page_is_for_staff_and_one_may_leave_it(client, anna):
    left = client.post(PAGE, {"leave": "Log out"}, secure=True)

    assert left.url == LOGIN
    assert client.get(PAGE, secure=True).url == LOGIN
    client.force_login(User.objects.create_user("nobody"))
    assert client.get(PAGE, secure=True).url == LOGIN


def test_it_leads_to_no_other_host(client, anna):
    client.get(PAGE, secure=True)

    answer = give(client, code_of(anna), next="https://elsewhere.example/").content.decode()

    assert "elsewhere.example" not in answer


def test_what_was_done_is_audited_and_no_code_is_written_down(client, anna):
    codes = enrolled(client, anna)
    come_back(client, anna)
    give(client, codes[1])

    entries = AuditEntry.objects.filter(action__startswith="second_factor.").order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("second_factor.enrolled", "anna"),
        ("second_factor.shown", "anna"),
    ]
    assert not any(code in str(entry.detail) for entry in entries for code in codes)


def test_the_session_of_before_is_worth_nothing_afterwards(client, anna):
    before = client.session.session_key

    enrolled(client, anna)

    assert client.session.session_key != before

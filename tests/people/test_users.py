"""Users in the admin: roles are given, people are helped in, and nobody raises himself."""

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django_otp.plugins.otp_totp.models import TOTPDevice

from audit.models import AuditEntry
from tests.admin.pages import said

pytestmark = pytest.mark.django_db
USERS = "/admin/auth/user/"


@pytest.fixture
def keeper(client):
    """An administrator who is no superuser."""
    user = User.objects.create_user("karl", is_staff=True)
    user.groups.add(Group.objects.get(name="administrator"))
    client.force_login(user)
    return client


@pytest.fixture
def anna():
    return User.objects.create_user("anna", password="correct horse battery", is_staff=True)


def save(client, user, **fields):
    data = {"username": user.username, "is_active": "on", "is_staff": "on", "date_joined_0": "2026-11-24",
            "date_joined_1": "12:00:00", **fields}  # fmt: skip
    return client.post(f"{USERS}{user.pk}/change/", data, secure=True)


def do(client, act, *users):
    data = {"action": act, "_selected_action": [user.pk for user in users]}
    return client.post(USERS, data, secure=True, follow=True)


def test_a_role_is_given_and_the_act_is_audited(keeper, anna):
    role = Group.objects.get(name="operator")

    assert save(keeper, anna, groups=[role.pk]).status_code == 302

    assert anna.groups.get() == role
    entry = AuditEntry.objects.get(action="person.changed")
    assert (entry.actor, entry.detail["user_id"], entry.detail["roles"]) == ("karl", anna.pk, ["operator"])


def test_a_role_whose_name_is_no_word_can_be_given_too(keeper, anna):
    care = Group.objects.create(name="Customer care, Büro 2")

    assert save(keeper, anna, groups=[care.pk]).status_code == 302

    assert AuditEntry.objects.get(action="person.changed").detail["roles"] == [f"group_{care.pk}"]


def test_an_administrator_makes_no_superuser_and_gives_no_right_beside_roles(keeper, anna):
    save(keeper, anna, is_superuser="on", user_permissions=["1"])

    anna.refresh_from_db()
    assert not anna.is_superuser
    assert not anna.user_permissions.exists()


@pytest.mark.parametrize("page", ["change", "password", "delete"])
def test_an_administrator_does_not_touch_a_superuser(keeper, admin_user, page):
    before = admin_user.password

    given = {"post": "yes", "password1": "x" * 20, "password2": "x" * 20}
    answer = keeper.post(f"{USERS}{admin_user.pk}/{page}/", given, secure=True)

    assert answer.status_code in (403, 302)
    admin_user.refresh_from_db()
    assert (admin_user.is_active, admin_user.password) == (True, before)


def test_who_is_locked_out_is_let_in_again(keeper, client, anna):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post("/admin/login/", {"username": "anna", "password": "wrong"}, secure=True)
    assert AccessAttempt.objects.exists()

    page = do(keeper, "let_in", anna)

    assert said(page) == ["1 user can log in again."]
    assert not AccessAttempt.objects.exists()
    assert AuditEntry.objects.filter(action="person.let_in", actor="karl").count() == 1


def test_a_lost_second_factor_is_taken_away(keeper, anna, admin_user):
    for user in (anna, admin_user):
        TOTPDevice.objects.create(user=user, name="app")

    do(keeper, "forget_second_factor", anna, admin_user)

    assert [device.user for device in TOTPDevice.objects.all()] == [admin_user]
    assert AuditEntry.objects.get(action="person.second_factor_forgotten").detail["user_id"] == anna.pk


def test_a_new_password_is_audited_and_not_written_down(keeper, anna):
    given = {"usable_password": "true", "password1": "new horse battery 9", "password2": "new horse battery 9"}
    keeper.post(f"{USERS}{anna.pk}/password/", given, secure=True)

    anna.refresh_from_db()
    assert anna.check_password("new horse battery 9")
    entry = AuditEntry.objects.get(action="person.password_changed")
    assert "horse" not in str(entry.detail)


def test_the_keys_of_second_factors_have_no_page(admin_client):
    for page in ("otp_totp/totpdevice", "otp_static/staticdevice", "axes/accessattempt"):
        assert admin_client.get(f"/admin/{page}/", secure=True).status_code == 404


def test_what_a_role_may_do_is_changed_with_a_trace(admin_client):
    role = Group.objects.get(name="viewer")
    right = Permission.objects.get(codename="view_payload")

    admin_client.post(
        f"/admin/auth/group/{role.pk}/change/", {"name": "viewer", "permissions": [right.pk]}, secure=True
    )
    admin_client.post(f"/admin/auth/group/{role.pk}/delete/", {"post": "yes"}, secure=True)

    changed, deleted = AuditEntry.objects.filter(action__startswith="role.").order_by("id")
    assert (changed.actor, changed.detail["role"], changed.detail["rights"]) == ("admin", "viewer", ["view_payload"])
    assert deleted.action == "role.deleted"
